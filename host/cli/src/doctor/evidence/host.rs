//! Evidence about the host on this machine: its keys, its state, and the places that it writes to.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use portcullis_authority::Lock;

/// The fetch of one issuer's keys by this command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IssuerKeys {
    /// The name in the configuration.
    pub(crate) name: String,
    /// The number of keys, or the reason why there are none.
    pub(crate) keys: Result<usize, String>,
    /// Whether the host is ready only once it has had the keys.
    pub(crate) required: bool,
}

/// The readiness of a host on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostHealth {
    /// The configuration names no address to ask.
    NoAddress,
    /// No host answers at the address.
    Silent { address: SocketAddr, error: String },
    /// The host answers.
    Running {
        /// The reasons why the host is not ready. `None` if it is.
        not_ready: Option<Vec<String>>,
        /// What its metrics say that fails, one a line.
        trouble: Vec<String>,
        /// The keys that it holds, by the name of the issuer in the configuration.
        issuers: BTreeMap<String, HeldKeys>,
    },
}

/// The keys of one issuer that a running host holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeldKeys {
    /// The number of keys.
    pub(crate) keys: u64,
    /// The time of the last successful fetch, in seconds since the Unix epoch. `None` before it.
    pub(crate) fetched_at: Option<u64>,
}

/// The state directory, and the attempt to write to it.
#[derive(Clone, Debug)]
pub(crate) struct StateDirectory {
    pub(crate) path: PathBuf,
    pub(crate) trial: WriteTrial,
}

/// The result of writing a file of some size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WriteTrial {
    /// The file was written and removed.
    Written,
    /// The directory does not exist yet. The host makes it.
    Absent,
    /// The file was not written.
    Failed {
        /// The size of the file, in bytes.
        bytes: usize,
        /// The kind of the reason.
        kind: io::ErrorKind,
        /// The reason.
        error: String,
    },
}

/// The places of decision records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    /// The file. `None` if the configuration names none.
    pub(crate) file: Option<RecordFile>,
    /// The stream. `None` if the configuration names none.
    pub(crate) stream: Option<RecordStream>,
}

/// The file of decision records, and the attempt to write next to it.
#[derive(Clone, Debug)]
pub(crate) struct RecordFile {
    pub(crate) path: PathBuf,
    pub(crate) trial: WriteTrial,
}

/// The stream of decision records.
#[derive(Clone, Debug)]
pub(crate) struct RecordStream {
    pub(crate) subject: String,
    /// The name of the stream that captures the subject, or the reason why it is unknown. `None`
    /// without such a stream.
    pub(crate) found: Result<Option<String>, String>,
}

/// The bucket of locks, and the copy of it in the state directory.
#[derive(Clone, Debug)]
pub(crate) struct Locks {
    /// The name of the bucket.
    pub(crate) bucket: String,
    /// The keys of the bucket, or the reason why they are unknown.
    pub(crate) known: Result<Vec<FoundLock>, String>,
    /// The file of the copy.
    pub(crate) file: PathBuf,
    /// The copy.
    pub(crate) copy: LockCopyFound,
}

/// One key in the bucket of locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundLock {
    /// The key, such as `user.alice`.
    pub(crate) key: String,
    /// The time of its last change, in seconds since the Unix epoch.
    pub(crate) since: u64,
    /// The time at which the bucket removes the key, in seconds since the Unix epoch. `None` if it
    /// does not.
    pub(crate) expires: Option<u64>,
    /// The value. `None` if it is no lock.
    pub(crate) lock: Option<Lock>,
}

/// The copy of the locks in the state directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LockCopyFound {
    /// The host has not written one.
    Missing,
    /// The host does not use the file, for this reason.
    Unusable(String),
    /// The last time at which the host knew the copy to be true, in seconds since the Unix epoch.
    Confirmed(u64),
}

impl FoundLock {
    /// Returns whether hosts deny what the lock names at `now`.
    pub(crate) fn counts_at(&self, now: u64) -> bool {
        let is_closed = self.lock.as_ref().is_none_or(|lock| lock.is_closed_at(now));
        is_closed && self.expires.is_none_or(|end| now < end)
    }

    /// Returns the end of the lock, in seconds since the Unix epoch. `None` without an end.
    pub(crate) fn end(&self) -> Option<u64> {
        let until = self.lock.as_ref().and_then(|lock| lock.until);
        until.into_iter().chain(self.expires).min()
    }
}
