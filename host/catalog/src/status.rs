//! The state of every policy, for the operator.

use std::io;
use std::path::{Path, PathBuf};

use portcullis_files::{Disk, SystemDisk};
use serde::{Deserialize, Serialize};

/// The state of every policy, as in `status.json` in the state directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// Time of this state, in seconds since the Unix epoch.
    pub at: u64,
    /// The ID of the host's process.
    pub process: u32,
    /// Every policy that is in the directory or listed in the configuration, by name.
    pub policies: Vec<PolicyStatus>,
}

/// The state of one policy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PolicyStatus {
    /// Name of the policy.
    pub name: String,
    /// Whether the configuration lists the policy. While a listed policy has no good version, no
    /// login gets past it.
    pub required: bool,
    /// The version in service. `None` if the policy has no good version.
    pub serving: Option<ServingStatus>,
    /// The last attempt to load the files in the directory.
    pub last_attempt: Option<Attempt>,
    /// The stored generations, newest first. The operator can roll back to them.
    pub kept: Vec<u64>,
}

/// The version of a policy that is in service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServingStatus {
    /// The digest of the version's module.
    pub digest: String,
    /// The digest of module, settings, tests and texts. It is equal on all hosts with the same
    /// files.
    #[serde(default)]
    pub version: String,
    /// Generation: the number of the version in the sequence of reloads.
    pub generation: u64,
    /// Start of the time for which this version has served without a break, in seconds since the
    /// Unix epoch.
    pub since: u64,
    /// Whether this is a stored version, restored because the files in the directory were not good
    /// when the host started.
    pub restored: bool,
    /// Whether every decision starts from a snapshot of the memory after `configure`. If not, every
    /// decision runs `configure` again.
    pub snapshotted: bool,
}

/// One attempt to put a version in service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attempt {
    /// Time of the attempt, in seconds since the Unix epoch.
    pub at: u64,
    /// The problem, in one line. `None` if the attempt succeeded.
    pub error: Option<String>,
    /// The file at fault.
    pub file: Option<PathBuf>,
    /// The line at fault, counted from 1.
    pub line: Option<usize>,
}

/// Maximum size of a status, in bytes.
const MAX_SIZE: u64 = 64 << 20;

impl Status {
    /// The name of the status file in the state directory.
    pub const FILE: &'static str = "status.json";

    /// Returns the last status that the host wrote to this state directory.
    ///
    /// # Errors
    ///
    /// Fails if the file does not exist, cannot be read or is not a status.
    pub fn read(state_directory: &Path) -> io::Result<Self> {
        Self::read_from(&SystemDisk, state_directory)
    }

    pub(crate) fn read_from(disk: &dyn Disk, state_directory: &Path) -> io::Result<Self> {
        let content = disk.read(&state_directory.join(Self::FILE), MAX_SIZE)?;
        Ok(serde_json::from_slice(&content.bytes)?)
    }
}
