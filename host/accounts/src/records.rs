//! A directory of small files by name, each of which is replaced as a whole.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use portcullis_claims::MAX_TOKEN_SIZE;
use portcullis_core::Secret;
use portcullis_files::{Disk, FileLock, NewAccess, ReadError, is_temporary};

use crate::error::StoreError;

/// Number of attempts to lock a directory, with a pause between them: some 30 s together. A write
/// holds the lock for milliseconds.
const LOCK_ATTEMPTS: u32 = 300;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Name of the file that is locked while files of the directory change.
const LOCK: &str = ".lock";

/// A directory whose files are readable by the user of this process only.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    extension: &'static str,
}

impl Records {
    /// Returns the records in `directory`, which need not exist.
    pub(crate) fn new(disk: Arc<dyn Disk>, directory: PathBuf, extension: &'static str) -> Self {
        Self {
            disk,
            directory,
            extension,
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the path of a record.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.{}", self.extension))
    }

    /// Creates the directory.
    pub(crate) fn create(&self) -> Result<(), StoreError> {
        let created = self.disk.create_directory(&self.directory);
        created.map_err(|source| unwritten(self.directory.clone(), source))
    }

    /// Locks the directory against other processes, until the value is dropped.
    pub(crate) fn lock(&self) -> Result<Box<dyn FileLock>, StoreError> {
        let path = self.directory.join(LOCK);
        for _ in 0..LOCK_ATTEMPTS {
            match self.disk.lock(&path) {
                Ok(lock) => return Ok(lock),
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    thread::park_timeout(LOCK_PAUSE);
                }
                Err(error) => return Err(unwritten(path, error)),
            }
        }
        Err(StoreError::Locked(self.directory.clone()))
    }

    /// Returns the text of a record. `None` if it does not exist.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        let path = self.path(name);
        // A token and a line end.
        let limit = MAX_TOKEN_SIZE as u64 + 2;
        let content = match self.disk.read(&path, limit) {
            Err(ReadError::Missing) => return Ok(None),
            Err(source) => return Err(StoreError::Read { path, source }),
            Ok(content) => content,
        };
        match String::from_utf8(content.bytes) {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(_) => Err(damaged(path, "it is not text")),
        }
    }

    /// Replaces a record. It is on disk when this returns.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let path = self.path(name);
        let line = Secret::new([text, "\n"].concat());
        let written = self.disk.open_parent(&path).and_then(|(directory, name)| {
            directory.replace(name, line.expose().as_bytes(), NewAccess::Private)
        });
        written.map_err(|source| unwritten(path, source))
    }

    /// Removes a record. Succeeds if it does not exist.
    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path(name);
        let removed = self.disk.open_parent(&path);
        let removed = removed.and_then(|(directory, name)| directory.remove(name));
        removed.map_err(|source| unwritten(path, source))
    }

    /// Returns the names of the records, sorted. A missing directory has none.
    pub(crate) fn names(&self) -> Result<Vec<String>, StoreError> {
        let listing = match self.disk.list(&self.directory) {
            Err(ReadError::Missing) => return Ok(Vec::new()),
            Err(source) => {
                let path = self.directory.clone();
                return Err(StoreError::Read { path, source });
            }
            Ok(listing) => listing,
        };
        let is_record = |path: &&PathBuf| {
            path.extension() == Some(OsStr::new(self.extension))
                && !path.file_name().is_some_and(is_temporary)
        };
        let records = listing.entries.iter().filter(is_record);
        let names = records.filter_map(|path| path.file_stem()?.to_str());
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }
}

fn unwritten(path: PathBuf, source: io::Error) -> StoreError {
    StoreError::Write { path, source }
}

pub(crate) fn damaged(path: PathBuf, problem: impl Into<String>) -> StoreError {
    StoreError::Damaged {
        path,
        problem: problem.into(),
    }
}
