//! The reconnect with a new login, before a server closes the connection at the end of the old one.
//!
//! A server cannot replace the user of a connection. The client therefore opens another connection
//! with the new login, and subscribes again.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;

use crate::authentication::{ProofReader, Reading};
use crate::hooks::ConnectionTrouble;
use crate::login::Login;
use crate::monitor::Monitor;
use crate::options::ConnectionOptions;
use crate::renewal::RenewalOptions;

/// The minimum wait between two attempts to renew a login.
const MIN_WAIT: Duration = Duration::from_millis(250);

/// A task that renews the login of a connection. Dropping it ends the task.
#[derive(Debug)]
pub(crate) struct LoginRenewal(AbortHandle);

impl LoginRenewal {
    /// Starts the task. Returns `None` if the login does not renew itself.
    pub(crate) fn start(
        options: &ConnectionOptions,
        proofs: &Arc<ProofReader>,
        monitor: &Arc<Monitor>,
    ) -> Option<Self> {
        if !proofs.is_renewed() {
            return None;
        }
        let times = RenewalOptions {
            clock: Arc::clone(&options.clock),
            randomness: Arc::clone(&options.randomness),
            ..RenewalOptions::default()
        };
        let task = tokio::spawn(run(times, Arc::clone(proofs), Arc::clone(monitor)));
        Some(Self(task.abort_handle()))
    }
}

impl Drop for LoginRenewal {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(times: RenewalOptions, proofs: Arc<ProofReader>, monitor: Arc<Monitor>) {
    let mut presented = proofs.presented();
    loop {
        let login = presented.borrow_and_update().clone();
        let end = login.as_ref().and_then(|login| login.ends_at);
        // A login without an end is not renewed.
        let (Some(login), Some(ends_at)) = (login, end) else {
            if presented.changed().await.is_err() {
                return;
            }
            continue;
        };
        let left = ends_at.saturating_duration_since(times.clock.now());
        let wait = left.saturating_sub(times.lead(left)).max(MIN_WAIT);
        tokio::select! {
            // A reconnect presented another login.
            changed = presented.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(wait) => renew(&login, &proofs, &monitor).await,
        }
    }
}

/// Reconnects if the source has another login than `presented`.
async fn renew(presented: &Login, proofs: &Arc<ProofReader>, monitor: &Monitor) {
    match proofs.current().await {
        Ok(Some(Reading { proof, .. })) if !proof.is_same_login(&presented.proof) => {
            // A lost connection is made again with the new login in any case.
            if monitor.is_connected() {
                monitor.reconnect_with_new_login().await;
            }
        }
        Ok(Some(Reading {
            stale: Some(stale), ..
        })) => monitor.report_stale_credentials(stale),
        Ok(_) => {}
        Err(error) => monitor.report(&ConnectionTrouble::NoLogin(error)),
    }
}
