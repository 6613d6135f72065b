//! The locks of logins, and their copy in the state directory.
//!
//! A host that starts while the bucket of locks cannot be reached goes on denying what its last
//! copy locked.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_authority::{CopiedLock, LatestLockCopy, LockCopy, Locks};
use portcullis_config::Config;
use portcullis_core::{BucketName, Sample, with_causes};
use portcullis_environment::{Clock as _, SystemClock};
use portcullis_files::{Disk as _, NewAccess, ReadError, SystemDisk};
use portcullis_mirror::{BucketCopy, KeyValueMirror};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

/// Maximum size of the file, in bytes. The default `max-bytes` of a bucket is 16 MiB, and JSON may
/// write a byte as six.
const MAX_SIZE: u64 = 128 << 20;

/// Time between two confirmations of a copy that has not changed.
const CONFIRMATION: Duration = Duration::from_mins(1);

/// Time to wait for further changes before the copy is written.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// Time to wait for the bucket at the start, before the log says that it is unknown.
const PATIENCE: Duration = Duration::from_secs(5);

/// The task that keeps a copy of the locks.
pub(crate) struct LockKeeper {
    mirror: KeyValueMirror,
    bucket: BucketName,
    copy: LatestLockCopy,
    /// The state directory. `None` if this host does not use it.
    directory: Option<PathBuf>,
    /// The time of the last write, and whether it failed.
    written: Option<(Instant, bool)>,
}

impl LockKeeper {
    /// Creates the keeper of the configured bucket, with the copy in the state directory. Returns
    /// `None` if the configuration names no bucket of locks.
    ///
    /// # Errors
    ///
    /// Fails if a thread panics.
    pub(crate) async fn start(
        config: &Config,
        mirror: &KeyValueMirror,
        is_state_usable: bool,
    ) -> Result<Option<Self>, JoinError> {
        let Some(bucket) = config.key_value.locks.clone() else {
            return Ok(None);
        };
        let directory = config.policies.state_directory.clone();
        let keeper = Self {
            mirror: mirror.clone(),
            bucket,
            copy: LatestLockCopy::default(),
            directory: is_state_usable.then_some(directory),
            written: None,
        };
        if let Some(directory) = keeper.directory.clone() {
            let bucket = keeper.bucket.clone();
            let read = spawn_blocking(move || read_copy(&directory, &bucket)).await?;
            keeper.found(read);
        }
        Ok(Some(keeper))
    }

    /// Returns the locks for decisions.
    pub(crate) fn locks(&self) -> Locks {
        Locks {
            key_values: Arc::new(self.mirror.clone()),
            bucket: self.bucket.clone(),
            copy: self.copy.clone(),
        }
    }

    /// Returns the metrics of the copy.
    pub(crate) fn samples(&self) -> impl Fn() -> Vec<Sample> + Send + Sync + use<> {
        let copy = self.copy.clone();
        move || {
            let Some(copy) = copy.get() else {
                return Vec::new();
            };
            let now = SystemClock.unix_seconds();
            let in_force = Sample::whole(
                "locks_in_force",
                "Locks of logins that count now, by the copy that the host keeps",
                copy.count_at(now),
            );
            let help = "When the copy of the locks was last known to be true";
            let name = "locks_copy_confirmed_timestamp_seconds";
            vec![in_force, Sample::whole(name, help, copy.confirmed_at())]
        }
    }

    /// Writes a copy after each change, and once a minute while the bucket is followed. Runs until
    /// the task is dropped.
    pub(crate) async fn run(mut self) {
        let Some(mut changes) = self.mirror.changes(&self.bucket) else {
            return;
        };
        if self.mirror.copy(&self.bucket).is_err() {
            // The bucket may not have been read yet. Without a change in time, the loop tells so.
            let _ = timeout(PATIENCE, changes.changed()).await;
        }
        let mut was_known = true;
        loop {
            let known = self.mirror.copy(&self.bucket);
            if was_known && known.is_err() {
                self.tell_unknown();
            }
            was_known = known.is_ok();
            if let Ok(known) = known.as_ref()
                && known.is_current
            {
                self.keep(known).await;
            }
            let waited = timeout(CONFIRMATION, changes.changed()).await;
            if matches!(waited, Ok(Err(_))) {
                // The mirror is gone, and the host with it.
                return;
            }
            sleep(DEBOUNCE).await;
        }
    }

    /// Logs what a read of the copy at the start has found.
    fn found(&self, read: Result<LockCopy, CopyError>) {
        match read {
            Ok(copy) => {
                let now = SystemClock.unix_seconds();
                info!(
                    key_value.bucket = self.bucket.as_str(),
                    locks.count = copy.count_at(now),
                    locks.age_seconds = copy.age_at(now).as_secs(),
                    "copy of the locks read"
                );
                self.copy.set(copy);
            }
            Err(CopyError::Read(ReadError::Missing)) => {}
            Err(error) => warn!(
                key_value.bucket = self.bucket.as_str(),
                error = with_causes(&error),
                "copy of the locks not used"
            ),
        }
    }

    /// Logs that the bucket is unknown, and what that means for logins.
    fn tell_unknown(&self) {
        let bucket = self.bucket.as_str();
        let Some(copy) = self.copy.get() else {
            warn!(
                key_value.bucket = bucket,
                "locks unknown: every login is denied"
            );
            return;
        };
        let now = SystemClock.unix_seconds();
        warn!(
            key_value.bucket = bucket,
            locks.count = copy.count_at(now),
            locks.age_seconds = copy.age_at(now).as_secs(),
            "locks unknown: the host denies what its copy locks"
        );
    }

    /// Takes over what the bucket has now, and writes it if it has changed or a minute has passed.
    async fn keep(&mut self, known: &BucketCopy) {
        let new = copy_of(&self.bucket, known);
        let before = self.copy.get();
        let is_same = before.is_some_and(|before| before.has_same_locks(&new));
        let is_recent = self
            .written
            .is_some_and(|(at, failed)| !failed && at.elapsed() < CONFIRMATION);
        if is_same && is_recent {
            return;
        }
        self.copy.set(new.clone());
        let Some(directory) = self.directory.clone() else {
            return;
        };
        let written = spawn_blocking(move || write_copy(&directory, &new)).await;
        let written = written.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
        let had_failed = matches!(self.written, Some((_, true)));
        self.written = Some((Instant::now(), written.is_err()));
        if let (Err(error), false) = (written, had_failed) {
            warn!(
                error = with_causes(&error),
                "copy of the locks not written: a restart without the bucket does not know them"
            );
        }
    }
}

/// A reason why the copy in the state directory is not used.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error("the state directory is not trusted")]
    Directory(#[source] io::Error),
    #[error("the file cannot be read")]
    Read(#[source] ReadError),
    #[error("the file is not trusted")]
    File(#[source] io::Error),
    #[error("the file is not usable")]
    Content(#[from] portcullis_authority::InvalidLockCopy),
}

/// Reads the copy. Blocks.
fn read_copy(directory: &Path, bucket: &BucketName) -> Result<LockCopy, CopyError> {
    if let Ok(access) = SystemDisk.access(directory) {
        access.check(None).map_err(CopyError::Directory)?;
    }
    let content = SystemDisk.read(&directory.join(LockCopy::FILE), MAX_SIZE);
    let content = content.map_err(CopyError::Read)?;
    content.access.check(None).map_err(CopyError::File)?;
    Ok(LockCopy::read(&content.bytes, bucket)?)
}

/// Writes the copy. Readers see the old or the new one. Blocks.
fn write_copy(directory: &Path, copy: &LockCopy) -> io::Result<()> {
    SystemDisk.create_directory(directory)?;
    SystemDisk.access(directory)?.check(None)?;
    let directory = SystemDisk.open_directory(directory)?;
    let bytes = copy.to_json().map_err(io::Error::other)?;
    directory.replace(OsStr::new(LockCopy::FILE), &bytes, NewAccess::Private)
}

fn copy_of(bucket: &BucketName, known: &BucketCopy) -> LockCopy {
    let seconds = |time: SystemTime| Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs());
    let locks = known.keys.iter().map(|(key, value)| {
        let lock = CopiedLock {
            value: value.text.as_deref().map(str::to_owned),
            expires_at: value.expires.map(|end| seconds(end).unwrap_or_default()),
        };
        (key.clone(), lock)
    });
    LockCopy::new(bucket.clone(), SystemClock.unix_seconds(), locks)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn bucket() -> BucketName {
        "locks".parse().unwrap()
    }

    fn copy() -> LockCopy {
        let lock = CopiedLock {
            value: Some("{}".to_owned()),
            expires_at: None,
        };
        LockCopy::new(bucket(), 100, [("user.alice".to_owned(), lock)])
    }

    #[test]
    fn a_copy_is_private_and_read_back() {
        let state = tempfile::tempdir().unwrap();
        let directory = state.path().join("state");
        let missing = read_copy(&directory, &bucket());
        assert!(matches!(missing, Err(CopyError::Read(ReadError::Missing))));
        write_copy(&directory, &copy()).unwrap();
        assert_eq!(read_copy(&directory, &bucket()).unwrap(), copy());
        let file = directory.join(LockCopy::FILE);
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let names = std::fs::read_dir(&directory).unwrap().count();
        assert_eq!(names, 1, "nothing else is left behind");
    }

    #[test]
    fn a_copy_that_others_can_write_is_not_used() {
        let state = tempfile::tempdir().unwrap();
        write_copy(state.path(), &copy()).unwrap();
        let set = |path: &Path, mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(path, mode).unwrap();
        };
        let file = state.path().join(LockCopy::FILE);
        set(&file, 0o666);
        let read = read_copy(state.path(), &bucket());
        assert!(matches!(read, Err(CopyError::File(_))), "{read:?}");
        set(&file, 0o600);
        set(state.path(), 0o777);
        let read = read_copy(state.path(), &bucket());
        assert!(matches!(read, Err(CopyError::Directory(_))), "{read:?}");
        let written = write_copy(state.path(), &copy());
        assert!(written.is_err());
    }
}
