//! How every policy is doing, for the operator.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::store::Store;

/// How every policy is doing, as `status.json` in the state directory has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// When it was so, in seconds since the Unix epoch.
    pub at: u64,
    /// The process that serves.
    pub process: u32,
    /// Every policy that is there or should be, by name.
    pub policies: Vec<PolicyStatus>,
}

/// How one policy is doing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PolicyStatus {
    /// Its name.
    pub name: String,
    /// Whether the configuration lists it: no login gets past it while it has no good version.
    pub required: bool,
    /// The version that decides; none if there is no good one.
    pub serving: Option<ServingStatus>,
    /// The last try to load what lies in the directory.
    pub last_attempt: Option<Attempt>,
    /// The generations that are kept and can be gone back to, newest first.
    pub kept: Vec<u64>,
}

/// The version of a policy that decides.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServingStatus {
    /// The digest of its module.
    pub digest: String,
    /// The digest of module, settings and tests. Every host that has the same files has the same.
    #[serde(default)]
    pub version: String,
    /// Its number in the sequence of reloads.
    pub generation: u64,
    /// When this version was put in service first, in seconds since the Unix epoch.
    pub since: u64,
    /// Whether it is a kept version, because what lies in the directory was not good when the host started.
    pub restored: bool,
    /// Whether the state that `configure` left was kept, so that every decision starts from it. If not, every decision takes the
    /// settings anew.
    pub snapshotted: bool,
}

/// One try to put a version in service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attempt {
    /// When, in seconds since the Unix epoch.
    pub at: u64,
    /// What was wrong, in one line; none if it is in service.
    pub error: Option<String>,
    /// The file at fault.
    pub file: Option<PathBuf>,
    /// The line at fault, from 1.
    pub line: Option<usize>,
}

/// The largest status that is read, in bytes.
const MAX_SIZE: u64 = 64 << 20;

impl Status {
    /// The name of the file in the state directory.
    pub const FILE: &'static str = "status.json";

    /// What the host that serves from this state directory wrote last.
    ///
    /// # Errors
    ///
    /// When the file is not there, cannot be read or is not a status.
    pub fn read(state_directory: &Path) -> io::Result<Self> {
        let content = portcullis_files::read(&state_directory.join(Self::FILE), MAX_SIZE)?;
        Ok(serde_json::from_slice(&content.bytes)?)
    }
}

/// Whether a [`Status`] is how the policies are doing now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// The host that wrote it runs, and confirms it.
    Current,
    /// A host runs and has not confirmed it for too long: its disk is full, or it does not read the directory any more.
    Stale,
    /// No host uses the state directory.
    NotRunning,
}

impl Freshness {
    /// Looks whether a host uses `state_directory` and has confirmed its status within `limit`. A host confirms it with every pass
    /// over the policy directory.
    ///
    /// # Errors
    ///
    /// When the lock of the directory cannot be looked at.
    pub fn of(state_directory: &Path, limit: Duration) -> io::Result<Self> {
        let Some(confirmed) = Store::host(state_directory)? else {
            return Ok(Self::NotRunning);
        };
        // A time ahead of the clock is one that was set back meanwhile.
        let age = SystemTime::now().duration_since(confirmed);
        Ok(match age {
            Ok(age) if age > limit => Self::Stale,
            _ => Self::Current,
        })
    }
}

/// Checks that a state directory, if it is there, holds what its user wrote.
///
/// # Errors
///
/// When other users can write to it, when it belongs to another user than this one, and when it cannot be looked at.
pub fn check_state_directory(state_directory: &Path) -> io::Result<()> {
    Store::for_operator(state_directory).check()
}

/// The time, in seconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
