//! Control and observation of a host while it runs.

use std::sync::{Arc, OnceLock};

use portcullis_core::Sample;
use tokio::sync::Notify;

use crate::health::{NotReady, Readiness};

/// A handle on a host, valid before, while and after it runs.
#[derive(Clone, Debug, Default)]
pub struct HostHandle(Arc<Control>);

#[derive(Debug, Default)]
struct Control {
    /// The pending request for a reload, if any.
    reload: Notify,
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
    /// Requests a read of the policy directory, as SIGHUP does for the program. The read repeats
    /// failed attempts. Returns at once; one read answers all pending requests. Has no effect on a
    /// host with an authorizer of its own.
    pub fn reload(&self) {
        self.0.reload.notify_one();
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

    /// Waits for a request for a reload.
    pub(crate) async fn reload_requested(&self) {
        self.0.reload.notified().await;
    }
}
