//! Child processes that are asked to end before they are killed.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::time::timeout;

/// Asks `child` to end with SIGTERM, and kills it after `patience`. Returns its status, also if it
/// has ended before.
pub(super) async fn end(child: &mut Child, patience: Duration) -> io::Result<ExitStatus> {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(id) = id.and_then(Pid::from_raw) {
        // The child is not reaped yet, so the id is its own. If it has ended, the wait says so.
        let _ = kill_process(id, Signal::TERM);
    }
    if let Ok(status) = timeout(patience, child.wait()).await {
        return status;
    }
    child.kill().await?;
    child.wait().await
}
