//! Runtimes of commands.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::failure::Failure;

/// Returns a runtime that runs everything on the calling thread.
///
/// # Errors
///
/// Fails if the machine has no resources for it.
pub(crate) fn one_thread() -> Result<Runtime, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::internal)
}

/// Time that the process waits at its end for threads that still work.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(1);
