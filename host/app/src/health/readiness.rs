//! Health of the service.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_authority::FailedOwnLogin;
use portcullis_callout::{Counters, Obstacle, Participation, Standing};
use portcullis_catalog::Catalog;
use portcullis_connect::ConnectionStatus;
use portcullis_core::{PolicyName, Sample};
use portcullis_identity::IssuerStatus;
use tokio::time::interval;

use super::own_login::{OwnLoginState, OwnLoginStates};

/// The parts that determine the service's health.
pub(crate) struct Readiness {
    /// `None` if an authorizer of the embedding program decides.
    catalog: Option<Catalog>,
    connections: Vec<ConnectionStatus>,
    participation: Arc<Participation>,
    stopping: AtomicBool,
    /// Whether the last reload of the configuration changed nothing, because something is wrong.
    reload_failed: AtomicBool,
    counters: Arc<Counters>,
    sources: Mutex<Vec<Source>>,
    own_login: Arc<OwnLoginStates>,
    issuers: IssuerStates,
}

/// Interval at which a host that is not ready looks again.
const INTERVAL: Duration = Duration::from_millis(50);

/// A source of samples.
type Source = Box<dyn Fn() -> Vec<Sample> + Send + Sync>;

/// A source of the state of issuers' keys.
pub(crate) type IssuerStates = Box<dyn Fn() -> Vec<IssuerStatus> + Send + Sync>;

/// A reason why the service cannot decide logins, or should receive no more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotReady {
    /// The policies are being loaded, or the host was not started.
    Loading,
    /// The first attempt at this connection has not succeeded yet.
    Connecting {
        /// The name of the connection.
        connection: String,
        /// The failure of the last attempt. `None` before the first failure.
        error: Option<String>,
    },
    /// This connection is lost.
    Disconnected {
        /// The name of the connection.
        connection: String,
        /// The failure of the last attempt, or the server's reason. `None` without either.
        error: Option<String>,
    },
    /// No server has confirmed the subscription yet.
    NotSubscribed,
    /// The host stands by, and other hosts receive the logins.
    StandingBy,
    /// An obstacle keeps the host from deciding, or servers from asking it.
    Obstructed(Obstacle),
    /// No policy is in service, so every login is denied.
    NoPolicy,
    /// This policy is required and has no good version, so no login passes it.
    MissingPolicy(PolicyName),
    /// The host has not yet taken logins of its own through the path of a login.
    Untested,
    /// The host took a login of its own through the path of a login, and it was not decided.
    OwnLogin(FailedOwnLogin),
    /// The host has never had keys of this issuer, which is required.
    IssuerKeys {
        /// The name of the issuer in the configuration.
        issuer: String,
        /// The failure of the last fetch. `None` before the first.
        error: Option<String>,
    },
    /// The service is stopping.
    Stopping,
}

impl Readiness {
    /// Returns the health of these parts.
    pub(crate) fn new(
        catalog: Option<Catalog>,
        connections: Vec<ConnectionStatus>,
        participation: Arc<Participation>,
        counters: Arc<Counters>,
        issuers: IssuerStates,
    ) -> Self {
        Self {
            catalog,
            connections,
            participation,
            stopping: AtomicBool::new(false),
            reload_failed: AtomicBool::new(false),
            counters,
            sources: Mutex::new(Vec::new()),
            own_login: Arc::default(),
            issuers,
        }
    }

    /// Returns the place for the results of own logins.
    pub(crate) fn own_login(&self) -> Arc<OwnLoginStates> {
        Arc::clone(&self.own_login)
    }

    /// Waits until own logins were decided and the keys of every required issuer were there.
    pub(crate) async fn tested(&self) {
        let mut ticks = interval(INTERVAL);
        while !self.untested().is_empty() {
            ticks.tick().await;
        }
    }

    /// Returns the reasons for which the host cannot be sure to decide logins, apart from its
    /// connections, its policies and its servers.
    pub(crate) fn untested(&self) -> Vec<NotReady> {
        let statuses = (self.issuers)().into_iter();
        let missing = statuses.filter(|issuer| issuer.required && issuer.fetched_at.is_none());
        let mut reasons: Vec<_> = missing
            .map(|issuer| NotReady::IssuerKeys {
                issuer: issuer.name,
                error: issuer.error,
            })
            .collect();
        match self.own_login.get() {
            OwnLoginState::Decided => {}
            OwnLoginState::Untested => reasons.push(NotReady::Untested),
            OwnLoginState::Failed(failed) => reasons.push(NotReady::OwnLogin(failed)),
        }
        reasons
    }

    /// Records that the service is stopping.
    pub(crate) fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Records the result of a reload of the configuration.
    pub(crate) fn reloaded(&self, is_applied: bool) {
        self.reload_failed.store(!is_applied, Ordering::Relaxed);
    }

    /// Adds `source` to the sources of samples.
    pub(crate) fn add_samples(&self, source: impl Fn() -> Vec<Sample> + Send + Sync + 'static) {
        let mut sources = self.sources.lock();
        sources.push(Box::new(source));
    }

    /// Returns the reasons why the service is not ready. Empty if it is ready.
    pub(crate) fn reasons(&self) -> Vec<NotReady> {
        let mut reasons = Vec::new();
        let lost = self
            .connections
            .iter()
            .filter(|status| !status.is_connected());
        reasons.extend(lost.map(|status| {
            let (connection, error) = (status.name().to_owned(), status.last_trouble());
            if status.counts().connects == 0 {
                NotReady::Connecting { connection, error }
            } else {
                NotReady::Disconnected { connection, error }
            }
        }));
        match self.participation.standing() {
            Standing::StandsBy => reasons.push(NotReady::StandingBy),
            _ if self.participation.is_subscribed() => {}
            _ => reasons.push(NotReady::NotSubscribed),
        }
        let obstacles = self.participation.obstacles().into_iter();
        if let Some(catalog) = &self.catalog {
            let snapshot = catalog.snapshot();
            if snapshot.policies().next().is_none() {
                reasons.push(NotReady::NoPolicy);
            }
            reasons.extend(snapshot.missing().cloned().map(NotReady::MissingPolicy));
            // These reasons already name the policies. Without them, the obstacle is another one.
            let is_named = |reason: &NotReady| {
                matches!(reason, NotReady::NoPolicy | NotReady::MissingPolicy(_))
            };
            let is_named = reasons.iter().any(is_named);
            let others =
                obstacles.filter(|it| !(is_named && matches!(it, Obstacle::CannotDecide(_))));
            reasons.extend(others.map(NotReady::Obstructed));
        } else {
            reasons.extend(obstacles.map(NotReady::Obstructed));
        }
        // The host makes its own logins once it has connections, and their reasons are above.
        let untested = self.untested().into_iter();
        let is_connecting = !reasons.is_empty();
        reasons.extend(untested.filter(|it| !(is_connecting && *it == NotReady::Untested)));
        if self.stopping.load(Ordering::Relaxed) {
            reasons.push(NotReady::Stopping);
        }
        reasons
    }

    /// Returns notes for the operator that do not affect readiness, one a line.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let unknown = self.counters.unknown_releases().into_iter();
        let remarks = unknown.map(|release| {
            format!("unknown-release: the rules of nats-server `{release}` are not known here")
        });
        remarks.collect()
    }

    /// Returns all samples, for `metrics.rs` to render.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let ready = self.reasons().is_empty();
        let flag = |name, help, value| Sample::gauge(name, help, if value { 1.0 } else { 0.0 });
        let mut samples = vec![
            flag("ready", "Whether the service decides logins, 0 or 1", ready),
            flag(
                "configuration_failing",
                "Whether the last reload of the configuration changed nothing, because something is wrong, 0 or 1",
                self.reload_failed.load(Ordering::Relaxed),
            ),
        ];
        samples.extend(self.catalog.iter().flat_map(serving_samples));
        samples.extend(self.participation.samples());
        samples.extend(self.counters.samples());
        samples.extend(self.connections.iter().flat_map(ConnectionStatus::samples));
        let sources = self.sources.lock();
        samples.extend(sources.iter().flat_map(|source| source()));
        samples
    }
}

/// Returns the numbers of policies, and one sample for each.
fn serving_samples(catalog: &Catalog) -> Vec<Sample> {
    let snapshot = catalog.snapshot();
    let mut samples = vec![
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
    samples.extend(snapshot.samples());
    samples
}

impl fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Readiness")
            .field("reasons", &self.reasons())
            .finish_non_exhaustive()
    }
}

/// Returns the end of a sentence about a connection. Servers choose parts of some errors, and a
/// line break would end the line of `/readyz`.
fn after_colon(error: Option<&str>) -> String {
    error.map_or_else(String::new, |error| {
        format!(": {}", error.replace(char::is_control, " "))
    })
}

/// Displays a name for programs and a sentence for humans.
impl fmt::Display for NotReady {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loading => formatter.write_str("loading: the policies are not loaded yet"),
            Self::Connecting { connection, error } => write!(
                formatter,
                "connecting: the connection `{connection}` to nats is not made yet{}",
                after_colon(error.as_deref())
            ),
            Self::Disconnected { connection, error } => write!(
                formatter,
                "disconnected: the connection `{connection}` to nats is lost{}",
                after_colon(error.as_deref())
            ),
            Self::NotSubscribed => {
                formatter.write_str("not-subscribed: no server has confirmed the subscription yet")
            }
            Self::StandingBy => formatter
                .write_str("standing-by: the host cannot decide and leaves logins to other hosts"),
            Self::Obstructed(obstacle) => obstacle.fmt(formatter),
            Self::NoPolicy => {
                formatter.write_str("no-policy: no policy is in service, so every login is denied")
            }
            Self::MissingPolicy(name) => write!(
                formatter,
                "missing-policy: `{name}` is required and has no good version"
            ),
            Self::Untested => {
                formatter.write_str("own-login: the host has not tested the path of a login yet")
            }
            Self::OwnLogin(failed) => write!(
                formatter,
                "own-login: {failed}; correct the policy, or read the log of the host"
            ),
            Self::IssuerKeys { issuer, error } => write!(
                formatter,
                "issuer-keys: issuer `{issuer}` is required, and its keys were never fetched{}",
                after_colon(error.as_deref())
            ),
            Self::Stopping => formatter.write_str("stopping: the service was asked to stop"),
        }
    }
}
