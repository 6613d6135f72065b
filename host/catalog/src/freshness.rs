//! The freshness of a status, and the trust in a state directory.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_environment::{Clock as _, SystemClock};
use portcullis_files::{Disk, SystemDisk};

use crate::store::{self, Store};

/// The freshness of a [`Status`](crate::Status): whether the status is the current state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// The host that wrote the status runs, and confirms it.
    Current,
    /// A host runs and has not confirmed the status in time. Its disk is full, or it no longer
    /// reads the directory.
    Stale,
    /// No host uses the state directory.
    NotRunning,
}

impl Freshness {
    /// Checks whether a host uses `state_directory` and has confirmed its status within `limit`. A
    /// host confirms its status with every pass over the policy directory.
    ///
    /// # Errors
    ///
    /// Fails if the lock of the directory cannot be read.
    pub fn read(state_directory: &Path, limit: Duration) -> io::Result<Self> {
        let Some(confirmed) = store::host(&SystemDisk, state_directory)? else {
            return Ok(Self::NotRunning);
        };
        // A time in the future means that the clock was set back.
        let age = SystemClock.wall().duration_since(confirmed);
        Ok(match age {
            Ok(age) if age > limit => Self::Stale,
            _ => Self::Current,
        })
    }
}

/// Checks that only trusted users can have written to a state directory. A missing directory
/// passes.
///
/// # Errors
///
/// Fails if other users can write to the directory, or if it belongs to another user than this one.
/// Also fails if it cannot be read.
pub fn check_state_directory(state_directory: &Path) -> io::Result<()> {
    let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
    Store::for_operator(&disk, state_directory).check()
}
