//! The disk as a value, so that a test or a simulation can take its place.

use std::ffi::{OsStr, OsString};
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::access::{Access, NewAccess};
use crate::error::ReadError;
use crate::list::{DirectoryId, Listing};
use crate::read::{Content, Stamp, Survey};

/// The verbs that a service needs of a disk. All of them block.
///
/// Verbs that read fail after a [`TIME_LIMIT`](crate::TIME_LIMIT) if the file system does not
/// answer. They follow links; verbs that write do not follow a link in the place of the last name.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Lists the directory at `path`.
    ///
    /// # Errors
    ///
    /// Fails if `path` is not a directory or cannot be read.
    fn list(&self, path: &Path) -> Result<Listing, ReadError>;

    /// Returns the stamp of each entry of the directory at `path`, in no particular order. That of
    /// a link is its own.
    ///
    /// # Errors
    ///
    /// Fails if `path` is not a directory or cannot be read.
    fn stamps(&self, path: &Path) -> Result<Vec<(OsString, Stamp)>, ReadError>;

    /// Returns the identity of the directory at `path`.
    ///
    /// # Errors
    ///
    /// Fails if the metadata cannot be read.
    fn directory_id(&self, path: &Path) -> Result<DirectoryId, ReadError>;

    /// Returns the size of the regular file at `path`, and where a link leads.
    ///
    /// # Errors
    ///
    /// Fails if the path is not a regular file.
    fn survey(&self, path: &Path) -> Result<Survey, ReadError>;

    /// Reads the regular file at `path`.
    ///
    /// # Errors
    ///
    /// Fails if the path is not a regular file, is larger than `max_bytes` or cannot be read.
    fn read(&self, path: &Path, max_bytes: u64) -> Result<Content, ReadError>;

    /// Returns the owner and the mode of the file or directory at `path`.
    ///
    /// # Errors
    ///
    /// Fails if the metadata cannot be read.
    fn access(&self, path: &Path) -> io::Result<Access>;

    /// Opens the directory at `path`, in which files are replaced and removed by name.
    ///
    /// # Errors
    ///
    /// Fails if `path` is not a directory or cannot be opened.
    fn open_directory(&self, path: &Path) -> io::Result<Box<dyn OpenDirectory>>;

    /// Creates the directory at `path` and its parents, for the user of this process alone.
    /// Succeeds if the directory exists.
    ///
    /// # Errors
    ///
    /// Fails if a directory cannot be created.
    fn create_directory(&self, path: &Path) -> io::Result<()>;

    /// Removes the directory at `path` and its content. Succeeds if it does not exist.
    ///
    /// # Errors
    ///
    /// Fails if an entry cannot be removed.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;

    /// Gives the file or directory at `from` the name `to`, on the same file system.
    ///
    /// # Errors
    ///
    /// Fails if `from` does not exist, or if `to` is a directory with content.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Writes a file that only the user of this process can read, in place of its earlier content.
    /// The file is on disk when this returns. If it fails, the file may hold a part of `bytes`.
    ///
    /// # Errors
    ///
    /// Fails if the path is a link or no regular file, or if it cannot be written.
    fn write_private(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Locks the file at `path` against other processes. Creates it if it does not exist.
    ///
    /// # Errors
    ///
    /// Fails with `ResourceBusy` if another process holds the lock, and if the path is a link or no
    /// regular file.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn FileLock>>;

    /// Returns the time that the holder of the lock on `path` has set. `None` if the file does not
    /// exist or is not locked.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read.
    fn locked_time(&self, path: &Path) -> io::Result<Option<SystemTime>>;

    /// Opens the directory that holds `path`. Returns it with the file's name in it.
    ///
    /// # Errors
    ///
    /// Fails if the path names no file, or if its directory cannot be opened.
    fn open_parent<'a>(&self, path: &'a Path) -> io::Result<(Box<dyn OpenDirectory>, &'a OsStr)> {
        let name = path
            .file_name()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        Ok((self.open_directory(parent.unwrap_or(Path::new(".")))?, name))
    }
}

/// An open directory of a [`Disk`]. It stays the same directory if another takes over its path.
pub trait OpenDirectory: Debug + Send + Sync {
    /// Returns whether `name` is a symbolic link.
    ///
    /// # Errors
    ///
    /// Fails if the metadata of `name` cannot be read.
    fn is_link(&self, name: &OsStr) -> io::Result<bool>;

    /// Replaces the file `name`, so that readers see either the old or the new content. The file is
    /// on disk when this returns.
    ///
    /// A link at `name` is replaced, never followed. With [`NewAccess::Inherited`], `name` has to
    /// be a regular file or absent.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written, and then leaves the old one in place.
    fn replace(&self, name: &OsStr, bytes: &[u8], access: NewAccess) -> io::Result<()>;

    /// Removes the file `name`, or the link itself if it is one. Succeeds if `name` does not exist.
    ///
    /// # Errors
    ///
    /// Fails if `name` cannot be removed.
    fn remove(&self, name: &OsStr) -> io::Result<()>;

    /// Waits until the names of the directory are on disk.
    ///
    /// # Errors
    ///
    /// Fails if the disk reports a failure.
    fn sync(&self) -> io::Result<()>;
}

/// A lock on a file, which ends when the value is dropped or the process ends.
pub trait FileLock: Debug + Send + Sync {
    /// Sets the modification time of the locked file, for [`Disk::locked_time`].
    ///
    /// # Errors
    ///
    /// Fails if the time cannot be set.
    fn set_time(&self, time: SystemTime) -> io::Result<()>;
}
