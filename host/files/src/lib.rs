//! Reads files that may hang, and replaces files without following links.
//!
//! A service reads files again while it runs: policies, keys, account JWTs, credentials. A FIFO, a
//! device, a mount that does not answer or a file of ten gigabytes can take their place. Each of
//! these becomes a named [`ReadError`], never a thread that waits for ever.
//!
//! # Layout
//!
//! - [`Disk`]: what a service needs of a disk. [`SystemDisk`] is the real one, [`MemoryDisk`] that
//!   of tests. An [`OpenDirectory`] replaces and removes files by name.
//! - [`read()`]: reads one regular file, up to a number of bytes, within a [`TIME_LIMIT`].
//! - [`list()`]: lists a directory within the same limit.
//! - [`append()`]: opens a private file to append to, such as a record of events.
//! - [`WatchedFile`]: a file that is read again; [`statuses()`] says when each was last read.
//! - [`Access`]: the owner and the mode of a file, and the users who may write to it.

mod access;
mod bounded;
mod directory;
mod disk;
mod error;
mod list;
mod memory;
mod private;
mod read;
mod readers;
mod system_disk;
mod watched;

pub use access::{Access, NewAccess, Untrusted, is_own_user, is_root};
pub use bounded::TIME_LIMIT;
pub use directory::is_temporary;
pub use disk::{Disk, FileLock, OpenDirectory};
pub use error::{FileKind, ReadError};
pub use list::{DirectoryId, Listing, list};
pub use memory::{MemoryDisk, Operation};
pub use private::append;
pub use read::{Content, Link, Stamp, Survey, read};
pub use system_disk::SystemDisk;
pub use watched::{FileStatus, WatchedFile, read_watched, statuses};
