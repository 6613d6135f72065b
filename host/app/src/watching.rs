//! The watch over the policy directory.

use portcullis_catalog::{Stop, Watcher};
use tokio::task::JoinSet;

use crate::error::RunError;
use crate::handle::HostHandle;
use crate::policies::LoadedPolicies;

/// The watch over the policy directory, if policies decide.
pub(crate) struct Watching(Option<(Watcher, Stop)>);

impl Watching {
    /// Starts to watch the directory, and to reload policies on requests of `handle`.
    pub(crate) fn start(
        tasks: &mut JoinSet<()>,
        policies: Option<&LoadedPolicies>,
        handle: HostHandle,
    ) -> Result<Self, RunError> {
        let Some(policies) = policies else {
            return Ok(Self(None));
        };
        let watcher = Watcher::start(policies.catalog.clone())?;
        let trigger = watcher.trigger();
        tasks.spawn(async move {
            loop {
                handle.rescan_requested().await;
                trigger.reload();
            }
        });
        Ok(Self(Some((watcher, policies.stop.clone()))))
    }

    /// Ends the watch.
    pub(crate) async fn end(self) -> Result<(), RunError> {
        if let Self(Some((watcher, stop))) = self {
            // The service may also have ended by itself. Dropping the watcher waits briefly for a
            // thread that may be waiting for a policy.
            stop.stop();
            tokio::task::spawn_blocking(move || drop(watcher)).await?;
        }
        Ok(())
    }
}
