//! A disk in memory, for tests and simulations.

mod nodes;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::{Mutex, MutexGuard};

use crate::access::{Access, NewAccess};
use crate::bounded::TIME_LIMIT;
use crate::disk::{Disk, FileLock, OpenDirectory};
use crate::error::ReadError;
use crate::list::{DirectoryId, Listing};
use crate::read::{Content, Stamp, Survey};

use nodes::Nodes;

/// A disk in memory, for tests and simulations. Clones share the files.
///
/// The disk has one user, who is that of this process, and no links. It does not resolve `.` and
/// `..`. Processes die and disks fill up, but a loss of power that undoes finished calls is not
/// simulated.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    nodes: Arc<Mutex<Nodes>>,
    hook: Arc<Mutex<Option<Hook>>>,
}

/// A verb of [`Disk`], [`OpenDirectory`] or [`FileLock`], as the hook of a [`MemoryDisk`] sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// [`Disk::list`].
    List,
    /// [`Disk::stamps`].
    Stamps,
    /// [`Disk::directory_id`].
    Identify,
    /// [`Disk::survey`].
    Survey,
    /// [`Disk::read`].
    Read,
    /// [`Disk::access`].
    Access,
    /// [`Disk::open_directory`].
    Open,
    /// [`Disk::create_directory`].
    CreateDirectory,
    /// [`Disk::remove_directory`].
    RemoveDirectory,
    /// [`Disk::rename`], with the old name.
    Rename,
    /// [`Disk::write_private`].
    Write,
    /// [`Disk::lock`].
    Lock,
    /// [`Disk::locked_time`].
    LockedTime,
    /// [`OpenDirectory::is_link`].
    IsLink,
    /// [`OpenDirectory::replace`].
    Replace,
    /// [`OpenDirectory::remove`].
    Remove,
    /// [`OpenDirectory::sync`].
    Sync,
    /// [`FileLock::set_time`].
    SetTime,
}

/// The test's part in every call.
#[derive(Clone)]
struct Hook(Arc<Decide>);

type Decide = dyn Fn(Operation, &Path) -> io::Result<()> + Send + Sync;

/// Shows no content, because files may hold secrets.
impl fmt::Debug for MemoryDisk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MemoryDisk")
    }
}

impl MemoryDisk {
    /// Writes a file that every user can read, and makes its directory. Calls no hook, and needs no
    /// room.
    pub fn put(&self, path: impl AsRef<Path>, bytes: &[u8]) {
        self.nodes().put(path.as_ref(), bytes);
    }

    /// Makes an empty directory and its parents. Calls no hook.
    pub fn put_directory(&self, path: impl AsRef<Path>) {
        self.nodes().make_directories(path.as_ref());
    }

    /// Removes a file, or a directory with its content. Calls no hook.
    pub fn take_away(&self, path: impl AsRef<Path>) {
        self.nodes().remove_tree(path.as_ref());
    }

    /// Limits the total size of all files, in bytes. Calls that need more fail with `StorageFull`.
    /// `None`, the default, sets no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.nodes().capacity = bytes;
    }

    /// Returns the total size of all files, in bytes.
    pub fn used(&self) -> u64 {
        self.nodes().used()
    }

    /// Calls `hook` before every verb, with the path of the file. The verb fails if the hook does,
    /// and the hook may change the disk. A write or a removal of a directory that the hook fails
    /// leaves half of its work behind, as that of a process does that dies.
    pub fn set_hook(
        &self,
        hook: impl Fn(Operation, &Path) -> io::Result<()> + Send + Sync + 'static,
    ) {
        *self.lock_hook() = Some(Hook(Arc::new(hook)));
    }

    /// Removes the hook, so that every verb works again.
    pub fn remove_hook(&self) {
        *self.lock_hook() = None;
    }

    fn check(&self, operation: Operation, path: &Path) -> io::Result<()> {
        // INVARIANT: no lock is held during the hook, because the hook may call this disk.
        let hook = self.lock_hook().clone();
        hook.map_or(Ok(()), |Hook(hook)| hook(operation, path))
    }

    /// Checks a verb that reads. A hook that fails with `TimedOut` stands for a file system that
    /// does not answer.
    fn check_read(&self, operation: Operation, path: &Path) -> Result<(), ReadError> {
        let checked = self.check(operation, path);
        checked.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => ReadError::TimedOut { limit: TIME_LIMIT },
            _ => error.into(),
        })
    }

    fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.nodes.lock()
    }

    fn lock_hook(&self) -> MutexGuard<'_, Option<Hook>> {
        self.hook.lock()
    }
}

impl Disk for MemoryDisk {
    fn list(&self, path: &Path) -> Result<Listing, ReadError> {
        self.check_read(Operation::List, path)?;
        self.nodes().list(path)
    }

    fn stamps(&self, path: &Path) -> Result<Vec<(OsString, Stamp)>, ReadError> {
        self.check_read(Operation::Stamps, path)?;
        self.nodes().stamps(path)
    }

    fn directory_id(&self, path: &Path) -> Result<DirectoryId, ReadError> {
        self.check_read(Operation::Identify, path)?;
        let inode = self.nodes().directory(path)?;
        Ok(DirectoryId { device: 0, inode })
    }

    fn survey(&self, path: &Path) -> Result<Survey, ReadError> {
        self.check_read(Operation::Survey, path)?;
        self.nodes().survey(path)
    }

    fn read(&self, path: &Path, max_bytes: u64) -> Result<Content, ReadError> {
        self.check_read(Operation::Read, path)?;
        self.nodes().read(path, max_bytes)
    }

    fn access(&self, path: &Path) -> io::Result<Access> {
        self.check(Operation::Access, path)?;
        self.nodes().access(path)
    }

    fn open_directory(&self, path: &Path) -> io::Result<Box<dyn OpenDirectory>> {
        self.check(Operation::Open, path)?;
        let inode = self.nodes().directory(path)?;
        let disk = self.clone();
        Ok(Box::new(MemoryDirectory { disk, inode }))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.check(Operation::CreateDirectory, path)?;
        self.nodes().create_directory(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        let checked = self.check(Operation::RemoveDirectory, path);
        let mut nodes = self.nodes();
        match checked {
            Ok(()) => nodes.remove_directory(path),
            Err(error) => {
                nodes.remove_half(path);
                Err(error)
            }
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check(Operation::Rename, from)?;
        self.nodes().rename(from, to)
    }

    fn write_private(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let checked = self.check(Operation::Write, path);
        let mut nodes = self.nodes();
        match checked {
            Ok(()) => nodes.write(path, bytes),
            Err(error) => {
                let (half, _) = bytes.split_at(bytes.len() / 2);
                // The hook's error is the one to report.
                let _ = nodes.write(path, half);
                Err(error)
            }
        }
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn FileLock>> {
        self.check(Operation::Lock, path)?;
        let inode = self.nodes().lock(path)?;
        let (disk, path) = (self.clone(), path.to_owned());
        Ok(Box::new(MemoryLock { disk, path, inode }))
    }

    fn locked_time(&self, path: &Path) -> io::Result<Option<SystemTime>> {
        self.check(Operation::LockedTime, path)?;
        Ok(self.nodes().locked_time(path))
    }
}

/// An open directory of a [`MemoryDisk`].
#[derive(Debug)]
struct MemoryDirectory {
    disk: MemoryDisk,
    inode: u64,
}

impl MemoryDirectory {
    /// Returns the path of the file `name`, wherever the directory is by now.
    fn path(&self, name: &OsStr) -> io::Result<PathBuf> {
        let place = self.disk.nodes().place(self.inode);
        let place = place.ok_or(io::ErrorKind::NotFound)?;
        Ok(place.join(name))
    }
}

impl OpenDirectory for MemoryDirectory {
    fn is_link(&self, name: &OsStr) -> io::Result<bool> {
        self.disk.check(Operation::IsLink, &self.path(name)?)?;
        Ok(false)
    }

    fn replace(&self, name: &OsStr, bytes: &[u8], _access: NewAccess) -> io::Result<()> {
        let path = self.path(name)?;
        self.disk.check(Operation::Replace, &path)?;
        self.disk.nodes().replace(&path, bytes)
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        let path = self.path(name)?;
        self.disk.check(Operation::Remove, &path)?;
        self.disk.nodes().remove_file(&path)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk
            .check(Operation::Sync, &self.path(OsStr::new(""))?)
    }
}

/// A lock on a file of a [`MemoryDisk`].
#[derive(Debug)]
struct MemoryLock {
    disk: MemoryDisk,
    path: PathBuf,
    inode: u64,
}

impl FileLock for MemoryLock {
    fn set_time(&self, time: SystemTime) -> io::Result<()> {
        self.disk.check(Operation::SetTime, &self.path)?;
        self.disk.nodes().set_time(self.inode, time);
        Ok(())
    }
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.disk.nodes().unlock(self.inode);
    }
}
