//! Control and observation of a host while it runs.

use std::fmt;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use portcullis_core::Sample;
use tokio::sync::Notify;

use crate::health::{NotReady, Readiness};
use crate::reload::{Reload, ReloadError, Reloaded};

/// A handle on a host, valid before, while and after it runs.
#[derive(Clone, Default)]
pub struct HostHandle(Arc<Control>);

#[derive(Default)]
struct Control {
    /// The pending request for a read of the policy directory, if any.
    rescan: Notify,
    /// The running host. `None` before and after it runs.
    reloader: Mutex<Option<Arc<dyn Reload>>>,
    /// Empty until the policies are loaded.
    readiness: OnceLock<Arc<Readiness>>,
}

/// The state of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostStatus {
    /// Reasons why the host cannot decide logins, or should receive no more. Empty if it is ready.
    pub reasons: Vec<NotReady>,
    /// Notes for the operator that do not affect readiness.
    pub remarks: Vec<String>,
}

impl HostStatus {
    /// Returns whether the host decides logins.
    pub const fn is_ready(&self) -> bool {
        self.reasons.is_empty()
    }
}

impl HostHandle {
    /// Reads the configuration again, from the file that it came from, and applies what can change
    /// while the host runs. Names the keys that need a restart. Then requests a read of the policy
    /// directory, as [`rescan_policies`](Self::rescan_policies) does. SIGHUP and
    /// `portcullis reload` do the same for the program.
    ///
    /// New logins see all changes or none. A login in progress keeps the rules that it began with.
    ///
    /// # Errors
    ///
    /// Fails, and changes nothing, if anything in the file or in its secrets is wrong, or if the
    /// policies in service do not fit the new chains and rules.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let host = self.0.reloader.lock().clone();
        let outcome = host.ok_or(ReloadError::NotRunning)?.reload().await;
        if let Some(readiness) = self.0.readiness.get() {
            readiness.reloaded(outcome.is_ok());
        }
        let outcome = outcome?;
        self.rescan_policies();
        Ok(outcome)
    }

    /// Requests a read of the policy directory. The read repeats failed attempts. Returns at once;
    /// one read answers all pending requests. Has no effect on a host with an authorizer of its
    /// own.
    pub fn rescan_policies(&self) {
        self.0.rescan.notify_one();
    }

    /// Returns the state of the host.
    pub fn status(&self) -> HostStatus {
        let readiness = self.0.readiness.get();
        HostStatus {
            reasons: readiness.map_or_else(|| vec![NotReady::Loading], |state| state.reasons()),
            remarks: readiness.map(|state| state.remarks()).unwrap_or_default(),
        }
    }

    /// Returns the metrics that the page `/metrics` shows, without the prefix `portcullis_`. Empty
    /// until the policies are loaded.
    pub fn metrics(&self) -> Vec<Sample> {
        let readiness = self.0.readiness.get();
        readiness.map(|state| state.samples()).unwrap_or_default()
    }

    /// Stores the state of the host, which has loaded its policies.
    pub(crate) fn loaded(&self, readiness: Arc<Readiness>) {
        // A host runs once, so the state is set once.
        let _ = self.0.readiness.set(readiness);
    }

    /// Lets [`reload`](Self::reload) reach the host, which runs now.
    pub(crate) fn runs(&self, reloader: Arc<dyn Reload>) {
        *self.0.reloader.lock() = Some(reloader);
    }

    /// Releases the host, which has ended.
    pub(crate) fn ended(&self) {
        *self.0.reloader.lock() = None;
    }

    /// Waits for a request for a read of the policy directory.
    pub(crate) async fn rescan_requested(&self) {
        self.0.rescan.notified().await;
    }
}

impl fmt::Debug for HostHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HostHandle")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
