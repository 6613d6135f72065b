//! Files that are read again while the service runs, and the time of each last read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::bounded::{TIME_LIMIT, within};
use crate::disk::Disk;
use crate::error::ReadError;
use crate::read::{Stamp, read_unless, stamp};

/// A file that is read again while the service runs.
#[derive(Debug)]
pub struct WatchedFile {
    path: PathBuf,
    max_bytes: u64,
    /// Stamp at the last successful read.
    seen: Mutex<Option<Stamp>>,
}

/// The state of one watched file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// Path of the file.
    pub path: PathBuf,
    /// Time of the last read, or of the last check that found the file unchanged, in seconds since
    /// the Unix epoch. `None` before the first.
    pub read_at: Option<u64>,
    /// Reason why the last read failed. `None` if it succeeded.
    pub error: Option<String>,
    /// Whether every user of the machine may write to the file.
    pub exposed: bool,
}

type Statuses = BTreeMap<PathBuf, FileStatus>;

/// State of every watched file of this process. Entries are never removed: the paths come from the
/// configuration, so there are few.
static STATUSES: Mutex<Statuses> = Mutex::new(BTreeMap::new());

/// Returns the state of every file that this process has tried to read through a [`WatchedFile`] or
/// [`read_watched`], in the order of the paths.
pub fn statuses() -> Vec<FileStatus> {
    STATUSES.lock().values().cloned().collect()
}

/// Reads a file of `disk` that will be read again, and records the time. Blocks.
///
/// # Errors
///
/// Fails as [`Disk::read`] does.
pub fn read_watched(disk: &dyn Disk, path: &Path, max_bytes: u64) -> Result<Vec<u8>, ReadError> {
    let read = disk.read(path, max_bytes);
    let found = read.as_ref();
    record(
        path,
        found.map(|content| Some(content.access.is_writable_by_others())),
    );
    Ok(read?.bytes)
}

impl WatchedFile {
    /// Returns the file at `path`, of at most `max_bytes`.
    pub fn new(path: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Self {
            path: path.into(),
            max_bytes,
            seen: Mutex::new(None),
        }
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file. Blocks.
    ///
    /// # Errors
    ///
    /// Fails as [`read`](crate::read()) does.
    pub fn read(&self) -> Result<Vec<u8>, ReadError> {
        self.read_unless(None)?.ok_or(ReadError::Broken)
    }

    /// Reads the file. Returns `None` if it is unchanged since the last read. Blocks.
    ///
    /// # Errors
    ///
    /// Fails as [`read`](crate::read()) does. The first failure after a success is logged, and so
    /// is the first success after that.
    pub fn read_if_changed(&self) -> Result<Option<Vec<u8>>, ReadError> {
        let seen = *self.seen.lock();
        self.read_unless(seen)
    }

    /// Returns whether the next read would find a changed file or fail. Blocks.
    pub fn has_changed(&self) -> bool {
        let (path, seen) = (self.path.clone(), *self.seen.lock());
        let stamp = within(&self.path, TIME_LIMIT, move || stamp(&path));
        let changed = stamp.ok() != seen || seen.is_none();
        if !changed {
            record(&self.path, Ok(None));
        }
        changed
    }

    fn read_unless(&self, seen: Option<Stamp>) -> Result<Option<Vec<u8>>, ReadError> {
        let (path, max_bytes) = (self.path.clone(), self.max_bytes);
        let read = within(&self.path, TIME_LIMIT, move || {
            read_unless(&path, max_bytes, seen)
        });
        let found = read.as_ref().map(|content| {
            let content = content.as_ref();
            content.map(|content| content.access.is_writable_by_others())
        });
        record(&self.path, found);
        Ok(read?.map(|content| {
            *self.seen.lock() = Some(content.stamp);
            content.bytes
        }))
    }
}

/// Records the result of a read: whether every user may write to the file. `None` if the read found
/// it unchanged.
fn record(path: &Path, found: Result<Option<bool>, &ReadError>) {
    let (before, now) = {
        let mut statuses = STATUSES.lock();
        let status = statuses
            .entry(path.to_owned())
            .or_insert_with(|| FileStatus {
                path: path.to_owned(),
                read_at: None,
                error: None,
                exposed: false,
            });
        let before = status.clone();
        status.error = found.err().map(ToString::to_string);
        if let Ok(exposed) = found {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            status.read_at = now.ok().map(|now| now.as_secs());
            status.exposed = exposed.unwrap_or(status.exposed);
        }
        (before, status.clone())
    };
    // INVARIANT: the lock is released before logging, because a log that no process reads must not
    // block other files.
    log_change(&before, &now);
}

fn log_change(before: &FileStatus, now: &FileStatus) {
    let file = now.path.display();
    if now.exposed && !before.exposed {
        tracing::warn!(%file, "every user of this machine can change it: run `chmod o-w` on it");
    }
    // If the file was never read, nothing is in use yet and the caller reports the failure.
    if before.read_at.is_none() || before.error == now.error {
        return;
    }
    if let Some(error) = &now.error {
        tracing::warn!(
            %file,
            error,
            "file cannot be read again: what was read before stays in use"
        );
    } else {
        tracing::info!(%file, "file can be read again");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;
    use crate::system_disk::SystemDisk;

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
        assert!(status(&path).error.is_none() && !status(&path).exposed);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o646)).unwrap();
        assert_eq!(file.read_if_changed().unwrap().unwrap(), b"three");
        assert!(status(&path).exposed);
        assert_eq!(file.read_if_changed().unwrap(), None);
        assert!(status(&path).exposed);
    }

    #[test]
    fn a_file_that_was_never_read_has_no_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("none");
        assert!(read_watched(&SystemDisk, &path, 100).is_err());
        assert_eq!(status(&path).read_at, None);
    }
}
