//! Reads files that may hang, and replaces files without following links.
//!
//! A service reads files again while it runs: policies, keys, account JWTs, credentials. A FIFO, a
//! device, a mount that does not answer or a file of ten gigabytes can take their place. Each of
//! these becomes a named [`ReadError`], never a thread that waits for ever.
//!
//! # Layout
//!
//! - [`read()`]: reads one regular file, up to a number of bytes, within a [`TIME_LIMIT`].
//! - [`survey()`]: says how large a file is and where a link leads, without a read.
//! - [`list()`]: lists a directory within the same limit.
//! - [`WatchedFile`]: a file that is read again; [`statuses()`] says when each was last read.
//! - [`Directory`]: an open directory, in which files are replaced and removed by name.
//! - [`Access`]: the owner and the mode of a file, and who may write to it.

mod access;
mod bounded;
mod directory;
mod error;
mod list;
mod read;
mod watched;

pub use access::{Access, Untrusted, is_root};
pub use bounded::TIME_LIMIT;
pub use directory::{Directory, NewAccess};
pub use error::{FileKind, ReadError};
pub use list::{DirectoryId, Listing, directory_id, list};
pub use read::{Content, Stamp, Survey, read, survey};
pub use watched::{FileStatus, WatchedFile, read_watched, statuses};
