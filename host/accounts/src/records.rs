//! A directory of small files by name, each of which is replaced as a whole.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use portcullis_claims::MAX_TOKEN_SIZE;
use portcullis_core::Secret;
use portcullis_files::{Disk, FileLock, NewAccess, ReadError, Stamp, is_temporary};

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

    /// Returns the records of the same directory with another extension.
    pub(crate) fn with_extension(&self, extension: &'static str) -> Self {
        Self {
            extension,
            ..self.clone()
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

impl Records {
    /// Returns the names of the records with their stamps, which differ after a write. A missing
    /// directory has none.
    pub(crate) fn stamps(&self) -> Result<Vec<(String, Stamp)>, StoreError> {
        let stamps = self.entries()?.into_iter();
        let records = stamps.filter_map(|(name, stamp)| {
            let path = Path::new(&name);
            let is_record = path.extension() == Some(OsStr::new(self.extension));
            let stem = path
                .file_stem()
                .filter(|_| is_record && !is_temporary(&name));
            Some((stem?.to_str()?.to_owned(), stamp))
        });
        Ok(records.collect())
    }

    /// Removes temporary files of `before` and earlier, which writers that were killed left behind.
    pub(crate) fn remove_leftovers(&self, before: SystemTime) -> Result<(), StoreError> {
        let is_leftover =
            |(name, stamp): &(OsString, Stamp)| is_temporary(name) && stamp.modified() <= before;
        if !self.entries()?.iter().any(is_leftover) {
            return Ok(());
        }
        // Writers of accounts and of the operator hold the lock. Those of seeds do not, and write a
        // temporary file for milliseconds only.
        let _lock = self.lock()?;
        let failed = |source| unwritten(self.directory.clone(), source);
        let directory = self.disk.open_directory(&self.directory).map_err(failed)?;
        for (name, _) in self.entries()?.iter().filter(|entry| is_leftover(entry)) {
            directory.remove(name).map_err(failed)?;
        }
        Ok(())
    }

    fn entries(&self) -> Result<Vec<(OsString, Stamp)>, StoreError> {
        match self.disk.stamps(&self.directory) {
            Err(ReadError::Missing) => Ok(Vec::new()),
            Err(source) => {
                let path = self.directory.clone();
                Err(StoreError::Read { path, source })
            }
            Ok(stamps) => Ok(stamps),
        }
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
