//! How the service is.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use portcullis_callout::{ConnectionStatus, Sample};
use portcullis_catalog::Catalog;
use portcullis_core::PolicyName;

/// Everything that shows how the service is. Parts that start later are added when they do.
pub(crate) struct Vitals {
    catalog: Catalog,
    connections: OnceLock<Vec<ConnectionStatus>>,
    subscribed: AtomicBool,
    stopping: AtomicBool,
    sources: Mutex<Vec<Source>>,
}

/// Where samples come from.
type Source = Box<dyn Fn() -> Vec<Sample> + Send + Sync>;

/// Why the service cannot decide logins, or should not be given more of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unready {
    /// No connection has been made yet.
    Connecting,
    /// This connection is lost.
    Disconnected(String),
    /// No server has confirmed the subscription yet.
    NotSubscribed,
    /// No policy is in service, so every login is denied.
    NoPolicy,
    /// This policy is required and has no good version, so no login gets past it.
    MissingPolicy(PolicyName),
    /// The service was asked to stop.
    Stopping,
}

impl Vitals {
    pub(crate) const fn new(catalog: Catalog) -> Self {
        Self {
            catalog,
            connections: OnceLock::new(),
            subscribed: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            sources: Mutex::new(Vec::new()),
        }
    }

    /// These connections have been made. Only the first call counts.
    pub(crate) fn connected(&self, connections: Vec<ConnectionStatus>) {
        // There is one set of connections for the life of the service.
        let _ = self.connections.set(connections);
    }

    /// A server has confirmed the subscription. Clients renew it with every connection.
    pub(crate) fn subscribed(&self) {
        self.subscribed.store(true, Ordering::Relaxed);
    }

    /// The service was asked to stop.
    pub(crate) fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// `source` has samples to add to the others.
    pub(crate) fn measure(&self, source: impl Fn() -> Vec<Sample> + Send + Sync + 'static) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.push(Box::new(source));
    }

    /// Why the service is not ready; nothing if it is.
    pub(crate) fn unready(&self) -> Vec<Unready> {
        let mut reasons = Vec::new();
        match self.connections.get() {
            None => reasons.push(Unready::Connecting),
            Some(connections) => {
                let lost = connections.iter().filter(|status| !status.is_connected());
                reasons.extend(lost.map(|status| Unready::Disconnected(status.name().to_owned())));
                if !self.subscribed.load(Ordering::Relaxed) {
                    reasons.push(Unready::NotSubscribed);
                }
            }
        }
        let snapshot = self.catalog.snapshot();
        if snapshot.policies().next().is_none() {
            reasons.push(Unready::NoPolicy);
        }
        reasons.extend(snapshot.missing().cloned().map(Unready::MissingPolicy));
        if self.stopping.load(Ordering::Relaxed) {
            reasons.push(Unready::Stopping);
        }
        reasons
    }

    /// Every number.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let snapshot = self.catalog.snapshot();
        let ready = self.unready().is_empty();
        let mut samples = vec![
            Sample::gauge(
                "ready",
                "Whether the service decides logins, 0 or 1",
                if ready { 1.0 } else { 0.0 },
            ),
            Sample::whole(
                "policies",
                "How many policies are in service",
                snapshot.policies().count(),
            ),
            Sample::whole(
                "policies_missing",
                "How many required policies have no good version",
                snapshot.missing().count(),
            ),
        ];
        samples.extend(snapshot.policies().map(|policy| {
            let help =
                "1 for each policy in service, with the digests of its version and of its module";
            Sample::gauge("policy_info", help, 1.0)
                .with("policy", policy.name.as_str())
                .with("version", policy.version.to_string())
                .with("digest", policy.digest.to_string())
        }));
        let connections = self.connections.get().into_iter().flatten();
        samples.extend(connections.flat_map(ConnectionStatus::samples));
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        samples.extend(sources.iter().flat_map(|source| source()));
        samples
    }
}

impl fmt::Debug for Vitals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Vitals")
            .field("unready", &self.unready())
            .finish_non_exhaustive()
    }
}

/// A name for machines, a sentence for people.
impl fmt::Display for Unready {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => formatter.write_str("connecting: no connection to nats yet"),
            Self::Disconnected(name) => {
                write!(
                    formatter,
                    "disconnected: the connection `{name}` to nats is lost"
                )
            }
            Self::NotSubscribed => {
                formatter.write_str("not-subscribed: no server has confirmed the subscription yet")
            }
            Self::NoPolicy => {
                formatter.write_str("no-policy: no policy is in service, so every login is denied")
            }
            Self::MissingPolicy(name) => write!(
                formatter,
                "missing-policy: `{name}` is required and has no good version"
            ),
            Self::Stopping => formatter.write_str("stopping: the service was asked to stop"),
        }
    }
}
