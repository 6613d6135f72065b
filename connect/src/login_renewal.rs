//! The reconnect with a new login, before a server closes the connection at the end of the old one.
//!
//! A server cannot replace the user of a connection. The client therefore opens another connection
//! with the new login, and subscribes again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use crate::authentication::{ProofReader, Reading};
use crate::hooks::ConnectionTrouble;
use crate::login::Login;
use crate::monitor::Monitor;
use crate::options::ConnectionOptions;
use crate::renewal::RenewalOptions;

/// The minimum wait between two attempts to renew a login.
const MIN_WAIT: Duration = Duration::from_millis(250);

/// The maximum wait between two attempts to renew a login whose source wanted it to be renewed
/// already. Most of them make no request.
const MAX_WAIT: Duration = Duration::from_secs(5);

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
        let now = times.clock.now();
        let wait = wait(&times, login.renew_at, ends_at, now).max(MIN_WAIT);
        tokio::select! {
            // A reconnect presented another login.
            changed = presented.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(wait) => renew(&login, &proofs, &monitor).await,
        }
    }
}

/// Returns the wait at `now` before a login that ends at `ends_at` is renewed.
fn wait(
    times: &RenewalOptions,
    renew_at: Option<Instant>,
    ends_at: Instant,
    now: Instant,
) -> Duration {
    let left = ends_at.saturating_duration_since(now);
    let default = left.saturating_sub(times.lead(left));
    match renew_at {
        None => default,
        // The last attempt failed, or its answer was late.
        Some(at) if at <= now => default.min(MAX_WAIT),
        Some(at) => {
            // Connections that share a login do not all reconnect at the same time.
            let room = ends_at.saturating_duration_since(at) / 2;
            let wait = at.saturating_duration_since(now);
            wait.saturating_add(times.random_delay(room)).min(left)
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

#[cfg(test)]
mod tests {
    use portcullis_environment::ManualClock;

    use super::*;
    use crate::fake_http::renewal_by;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_login_is_renewed_when_its_source_wants_or_before_its_end() {
        let times = renewal_by(&ManualClock::new(0));
        let now = times.clock.now();
        for (left, renew_in, expected) in [
            (60, None, 50),
            (10, None, 5),
            (60, Some(20), 20),
            (60, Some(90), 60),
            // The time has passed, so the source is asked again and again.
            (60, Some(0), 5),
            (4, Some(0), 2),
        ] {
            let renew_at = renew_in.map(|seconds| now + seconds * SECOND);
            let wait = wait(&times, renew_at, now + left * SECOND, now);
            assert_eq!(wait, expected * SECOND, "{left} {renew_in:?}");
        }
    }

    #[test]
    fn connections_that_share_a_login_reconnect_at_different_times() {
        let times = RenewalOptions {
            jitter: 10 * SECOND,
            ..renewal_by(&ManualClock::new(0))
        };
        let now = times.clock.now();
        let waits = [(); 100].map(|()| {
            let (renew_at, end) = (now + 40 * SECOND, now + 60 * SECOND);
            wait(&times, Some(renew_at), end, now)
        });
        assert!(waits.iter().any(|wait| *wait != waits[0]));
        let possible = 40 * SECOND..=50 * SECOND;
        assert!(waits.iter().all(|wait| possible.contains(wait)));
    }
}
