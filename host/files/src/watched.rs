//! Files that are read again while the service runs, and when each was last read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::bounded::{TIME_LIMIT, within};
use crate::read::{ReadError, Stamp, read_unless, stamp};

/// A file that is read again while the service runs.
#[derive(Debug)]
pub struct WatchedFile {
    path: PathBuf,
    max_bytes: u64,
    /// The stamp at the last read that succeeded.
    seen: Mutex<Option<Stamp>>,
}

/// The state of one watched file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// The path.
    pub path: PathBuf,
    /// The time when it was last read or seen to be unchanged, in seconds since the Unix epoch.
    /// `None` until then.
    pub read_at: Option<u64>,
    /// The reason why the last read failed. `None` if it did not.
    pub error: Option<String>,
}

/// By path: when a file was last read, and why that failed since.
type Statuses = BTreeMap<PathBuf, (Option<u64>, Option<String>)>;

/// Every watched file of this process. The paths come from the configuration, so there are
/// few and they never go.
static STATUSES: Mutex<Statuses> = Mutex::new(BTreeMap::new());

/// Returns the state of every file that this process has tried to read through a [`WatchedFile`] or
/// [`read_watched`], by path.
pub fn statuses() -> Vec<FileStatus> {
    let statuses = lock_statuses();
    let status =
        |(path, (read_at, error)): (&PathBuf, &(Option<u64>, Option<String>))| FileStatus {
            path: path.clone(),
            read_at: *read_at,
            error: error.clone(),
        };
    statuses.iter().map(status).collect()
}

/// Reads a file that will be read again, and records when it was read. Blocks.
///
/// # Errors
///
/// As [`read`](crate::read()).
pub fn read_watched(path: &Path, max_bytes: u64) -> Result<Vec<u8>, ReadError> {
    WatchedFile::new(path, max_bytes).read()
}

impl WatchedFile {
    /// The file at `path`, of at most `max_bytes`.
    pub fn new(path: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Self {
            path: path.into(),
            max_bytes,
            seen: Mutex::new(None),
        }
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file. Blocks.
    ///
    /// # Errors
    ///
    /// As [`read`](crate::read()).
    pub fn read(&self) -> Result<Vec<u8>, ReadError> {
        self.read_unless(None)?.ok_or(ReadError::Broken)
    }

    /// Reads the file unless it is the one that was read last. Blocks.
    ///
    /// # Errors
    ///
    /// As [`read`](crate::read()). The first failure after a success is logged, and so is the first
    /// success after that.
    pub fn read_if_changed(&self) -> Result<Option<Vec<u8>>, ReadError> {
        let seen = *self.lock_seen();
        self.read_unless(seen)
    }

    /// Whether the next read would find another file than the last, or fail. Blocks.
    pub fn has_changed(&self) -> bool {
        let (path, seen) = (self.path.clone(), *self.lock_seen());
        let stamp = within(&self.path, TIME_LIMIT, move || stamp(&path));
        let changed = stamp.ok() != seen || seen.is_none();
        if !changed {
            record(&self.path, None);
        }
        changed
    }

    fn read_unless(&self, seen: Option<Stamp>) -> Result<Option<Vec<u8>>, ReadError> {
        let (path, max_bytes) = (self.path.clone(), self.max_bytes);
        let read = within(&self.path, TIME_LIMIT, move || {
            read_unless(&path, max_bytes, seen)
        });
        record(&self.path, read.as_ref().err());
        Ok(read?.map(|content| {
            *self.lock_seen() = Some(content.stamp);
            content.bytes
        }))
    }

    fn lock_seen(&self) -> MutexGuard<'_, Option<Stamp>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn record(path: &Path, failure: Option<&ReadError>) {
    let mut statuses = lock_statuses();
    let (read_at, error) = statuses.entry(path.to_owned()).or_default();
    let before = error.take();
    *error = failure.map(ToString::to_string);
    match (&before, &*error) {
        // A file that was never read is for the caller to report: nothing is in use yet.
        (before, Some(now)) if before.as_ref() != Some(now) && read_at.is_some() => tracing::warn!(
            file = %path.display(),
            error = now,
            "file cannot be read again: what was read before stays in use"
        ),
        (Some(_), None) if read_at.is_some() => {
            tracing::info!(file = %path.display(), "file can be read again");
        }
        _ => {}
    }
    if failure.is_none() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        *read_at = now.ok().map(|now| now.as_secs());
    }
}

fn lock_statuses() -> MutexGuard<'static, Statuses> {
    STATUSES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn status(path: &Path) -> FileStatus {
        let mut statuses = statuses().into_iter();
        statuses.find(|status| status.path == path).unwrap()
    }

    #[test]
    fn a_file_is_read_again_when_it_changed_and_its_failures_show() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "one").unwrap();
        let file = WatchedFile::new(&path, 100);
        assert_eq!(file.read_if_changed().unwrap().unwrap(), b"one");
        assert_eq!(file.read_if_changed().unwrap(), None);
        assert!(!file.has_changed());
        assert!(status(&path).read_at.is_some() && status(&path).error.is_none());

        let other = directory.path().join("other");
        fs::write(&other, "two").unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(file.has_changed());
        assert_eq!(file.read_if_changed().unwrap().unwrap(), b"two");

        fs::remove_file(&path).unwrap();
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert!(file.read_if_changed().is_err());
        let failing = status(&path);
        assert_eq!(
            failing.error.as_deref(),
            Some("is a FIFO, not a regular file")
        );
        assert!(failing.read_at.is_some());

        fs::remove_file(&path).unwrap();
        fs::write(&path, "three").unwrap();
        assert_eq!(file.read_if_changed().unwrap().unwrap(), b"three");
        assert_eq!(status(&path).error, None);
    }

    #[test]
    fn a_file_that_was_never_read_has_no_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("none");
        assert!(read_watched(&path, 100).is_err());
        assert_eq!(status(&path).read_at, None);
    }
}
