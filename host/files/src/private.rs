//! Files and directories that only the user of this process can read, and locks on them.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;

use crate::disk::FileLock;

/// Number of attempts to take a lock. A process that only looks at a lock holds it for an instant.
const LOCK_ATTEMPTS: u32 = 4;
const LOCK_DELAY: Duration = Duration::from_millis(10);

/// A locked file.
#[derive(Debug)]
pub(crate) struct Locked(File);

impl FileLock for Locked {
    fn set_time(&self, time: SystemTime) -> io::Result<()> {
        self.0.set_modified(time)
    }
}

/// Makes a directory and its parents, readable by this process's user only.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that only this process's user can read, and syncs it to disk.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private_file(path)?;
    file.set_len(0)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Opens a file to append to. Makes a missing one, with its directory, readable by this process's
/// user only. Follows no link at the file's name.
///
/// # Errors
///
/// Fails if the file cannot be opened, or if it is not a regular file.
pub fn append(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        create_directory(directory)?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    open(path, &mut options)
}

/// Locks a file against other processes, and makes a missing one.
pub(crate) fn lock(path: &Path) -> io::Result<Locked> {
    let file = private_file(path)?;
    for _ in 0..LOCK_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(Locked(file)),
            Err(TryLockError::WouldBlock) => thread::park_timeout(LOCK_DELAY),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// Returns the modification time of a locked file. `None` if the file is missing or not locked.
pub(crate) fn locked_time(path: &Path) -> io::Result<Option<SystemTime>> {
    let file = match open(path, OpenOptions::new().read(true)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => file.metadata()?.modified().map(Some),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Opens a file for writing. Makes a missing one, readable by this process's user only.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    open(path, &mut options)
}

/// Opens a regular file. Follows no link, and does not wait for the other end of a FIFO.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = options
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|error| not_regular(path, error))?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        let kind = io::ErrorKind::InvalidInput;
        Err(not_regular(path, io::Error::from(kind)))
    }
}

/// Returns an error that names the file, if the path is not a regular file; `error` otherwise.
fn not_regular(path: &Path, error: io::Error) -> io::Error {
    let is_other = fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file());
    if !is_other {
        return error;
    }
    let name = path.file_name().unwrap_or_default().display();
    let reason = format!("`{name}` in it is not a regular file: remove it");
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}
