//! Reads files that may hang, and replaces files without following links.
//!
//! A service reads files again while it runs: policies, keys, account JWTs, credentials. Anything can
//! take their place: a FIFO, a device, a mount that does not answer, a file of ten gigabytes. Each of
//! these is a named [`ReadError`] here, never a thread that waits for ever.
//!
//! # Layout
//!
//! - [`read()`]: reads one regular file, up to a number of bytes, within a [`TIME_LIMIT`].
//! - [`list()`]: lists a directory within the same limit.
//! - [`WatchedFile`]: a file that is read again; [`statuses()`] says when each was last read.
//! - [`Directory`]: a directory held open, in which files are replaced and removed by name.
//! - [`Access`]: the owner and the mode of a file, and who may write to it.

mod access;
mod bounded;
mod directory;
mod list;
mod read;
mod watched;

pub use access::{Access, Untrusted, is_root};
pub use bounded::TIME_LIMIT;
pub use directory::{Directory, NewAccess};
pub use list::{DirectoryId, Listing, directory_id, list};
pub use read::{Content, FileKind, ReadError, Stamp, read};
pub use watched::{FileStatus, WatchedFile, read_watched, statuses};
