//! Participation: membership of the host in the queue group that servers ask.
//!
//! A host that cannot decide leaves the logins to hosts that can. If no such host exists, it stays.
//! Clients then get a named denial at once, not after the servers' timeout.

mod course;
mod identity;
mod keeper;
mod mismatches;
mod peers;
mod probe;

use std::fmt;

use portcullis_core::Sample;
use tokio::sync::watch;

pub(crate) use identity::connects;
pub(crate) use keeper::Keeper;
pub(crate) use mismatches::Mismatches;
pub(crate) use probe::{Prober, is_probe};

use probe::Probes;

use portcullis_connect::RequiredPermission;

/// The conditions under which a host takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParticipationOptions {
    /// Number of consecutive requests for another issuer, key or clock after which the host leaves.
    /// Also the number of consecutive permits that servers rejected because of the host's keys or
    /// accounts. Default: 8.
    pub max_mismatches: u64,
    /// The behaviour of a host that cannot decide when no other host takes part. Default:
    /// [`WhenAlone::Deny`].
    pub when_alone: WhenAlone,
}

/// Returns options with eight mismatches and [`WhenAlone::Deny`].
impl Default for ParticipationOptions {
    fn default() -> Self {
        Self {
            max_mismatches: 8,
            when_alone: WhenAlone::Deny,
        }
    }
}

/// The behaviour of a host that cannot decide when no other host takes part. Default:
/// [`WhenAlone::Deny`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenAlone {
    /// The host takes the logins and denies them with a named reason. The default.
    #[default]
    Deny,
    /// The host leaves the logins to the servers' timeout.
    Silent,
}

/// The membership of the host in the queue group, and its reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Not in the queue group yet: the host has not decided whether to join. The default.
    #[default]
    Starting,
    /// In the queue group, able to decide.
    TakesPart,
    /// In the queue group with an obstacle: no other host takes part.
    Alone,
    /// In the queue group again after mismatches or rejected permits, to find out whether they are
    /// over.
    OnTrial,
    /// Out of the queue group, with an obstacle.
    StandsBy,
    /// About to leave the queue group for good.
    Stopping,
}

/// The reason for which the host cannot decide logins, or servers do not ask it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The authorizer cannot decide, for this reason.
    CannotDecide(String),
    /// The server has not said in which account the host is.
    Unconfirmed,
    /// The host is in another account than the configuration says.
    WrongAccount {
        /// The account of the connection.
        actual: String,
        /// The configured account.
        expected: String,
    },
    /// The host's user lacks a permission without which it receives no login or answers none.
    NotPermitted(RequiredPermission),
    /// The last requests were meant for a host with another issuer, key or clock.
    Mismatched {
        /// The reason of the last refusal, as in metrics.
        reason: &'static str,
    },
    /// Servers rejected the last permits, for a reason that blames the host's keys or accounts.
    PermitsRejected {
        /// The reason that a server gave.
        reason: Box<str>,
    },
    /// The server does not show that it hands logins to services in this account. The host still
    /// takes part: other servers may, and servers with `allowed_accounts` do not show it.
    NotAsked {
        /// The account.
        account: String,
    },
    /// A login that the host made itself did not arrive at the host. The host still takes part, as
    /// with [`Self::NotAsked`].
    ProbeLost {
        /// The address of the server that refused the login.
        server: String,
    },
}

/// The effect of an obstacle on the logins that the host takes, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    /// The host decides logins.
    None,
    /// The host decides logins, and servers may or may not accept the decisions.
    Doubt,
    /// The host admits no client, but each client is denied at once.
    Failure,
    /// The host cannot answer at all.
    Silence,
}

/// The participation of a service, valid while the service runs and after.
#[derive(Debug, Default)]
pub struct Participation {
    state: watch::Sender<State>,
    pub(crate) probes: Probes,
}

#[derive(Clone, Debug, Default)]
struct State {
    standing: Standing,
    obstacles: Vec<Obstacle>,
    /// The number of connections, and of those whose subscription a server has confirmed.
    connections: usize,
    subscriptions: usize,
    /// Number of changes of the standing.
    changes: u64,
    /// The permissions that the host's user lacks. `None` until a server has reported them.
    missing: Option<Vec<RequiredPermission>>,
}

impl Participation {
    /// Returns the current standing.
    pub fn standing(&self) -> Standing {
        self.state.borrow().standing
    }

    /// Returns the reasons for which the host cannot decide or servers do not ask it.
    pub fn obstacles(&self) -> Vec<Obstacle> {
        self.state.borrow().obstacles.clone()
    }

    /// Returns whether the host can decide and servers have confirmed its subscriptions.
    pub fn is_ready(&self) -> bool {
        self.state.borrow().is_ready()
    }

    /// Returns whether servers have the subscriptions that the standing requires: all or none.
    pub(crate) fn is_settled(&self) -> bool {
        let state = self.state.borrow();
        if state.standing.is_in_group() {
            state.is_subscribed()
        } else {
            state.subscriptions == 0
        }
    }

    /// Returns whether servers have confirmed the subscriptions of every connection.
    pub fn is_subscribed(&self) -> bool {
        self.state.borrow().is_subscribed()
    }

    /// Returns the participation and the results of probes as metrics.
    pub fn samples(&self) -> Vec<Sample> {
        let state = self.state.borrow();
        let participating = state.takes_logins();
        let mut samples = vec![
            Sample::gauge(
                "participating",
                "Whether the host is in the queue group that servers ask, 0 or 1",
                if participating { 1.0 } else { 0.0 },
            ),
            Sample::counter(
                "participation_changes",
                "How often the host began or ceased to take part, or to be able to decide",
                state.changes,
            ),
        ];
        samples.extend(self.probes.samples());
        samples
    }

    /// Waits until the host can decide and servers have confirmed its subscriptions.
    pub(crate) async fn ready(&self) {
        // The sender lives as long as `self`.
        drop(self.state.subscribe().wait_for(State::is_ready).await);
    }

    /// Waits until the host is in the queue group, able to decide or not.
    pub(crate) async fn joins(&self) {
        drop(self.state.subscribe().wait_for(State::takes_logins).await);
    }

    /// Returns whether the host is in the queue group, able to decide or not.
    pub(crate) fn takes_logins(&self) -> bool {
        self.state.borrow().takes_logins()
    }

    /// Waits until a server has reported the permissions of the host's user. Returns whether the
    /// user has the permission for `subject`.
    pub(crate) async fn permits(&self, subject: &str) -> bool {
        let mut state = self.state.subscribe();
        let known = state.wait_for(|state| state.missing.is_some()).await;
        let Ok(state) = known else { return true };
        let missing = state.missing.iter().flatten();
        missing.into_iter().all(|lacks| lacks.subject != subject)
    }

    /// Sets the number of connections of the service.
    pub(crate) fn expect(&self, connections: usize) {
        self.state
            .send_modify(|state| state.connections = connections);
    }

    /// Counts a subscription that a server has confirmed.
    pub(crate) fn joined(&self) {
        self.state
            .send_modify(|state| state.subscriptions = state.subscriptions.saturating_add(1));
    }

    /// Counts the end of a confirmed subscription.
    pub(crate) fn left(&self) {
        self.state
            .send_modify(|state| state.subscriptions = state.subscriptions.saturating_sub(1));
    }

    /// Records that the service stops.
    pub(crate) fn stopping(&self) {
        self.state
            .send_modify(|state| state.standing = Standing::Stopping);
    }

    /// Returns the participation for other hosts. `yes`: they can rely on this host. `denying`:
    /// this host is in the queue group, but they cannot rely on it. `no`: this host is not in the
    /// group.
    pub(crate) fn word(&self) -> &'static str {
        let state = self.state.borrow();
        let decides = state.obstacles.iter().all(|obstacle| !obstacle.blocks());
        match state.standing {
            Standing::TakesPart if state.is_subscribed() && decides => "yes",
            Standing::TakesPart | Standing::Alone | Standing::OnTrial => "denying",
            Standing::Starting | Standing::StandsBy | Standing::Stopping => "no",
        }
    }
}

impl State {
    fn is_ready(&self) -> bool {
        self.standing == Standing::TakesPart && self.is_subscribed()
    }

    const fn takes_logins(&self) -> bool {
        self.standing.is_in_group() && self.is_subscribed()
    }

    const fn is_subscribed(&self) -> bool {
        self.connections > 0 && self.subscriptions == self.connections
    }
}

impl Standing {
    /// Returns whether a host of this standing is in the queue group.
    pub const fn is_in_group(self) -> bool {
        matches!(self, Self::TakesPart | Self::Alone | Self::OnTrial)
    }
}

impl Obstacle {
    /// Returns whether the host should leave the queue group while other hosts are in it.
    fn blocks(&self) -> bool {
        self.effect() != Effect::None
    }

    /// Returns whether the host denies the logins that it takes.
    const fn denies(&self) -> bool {
        matches!(self, Self::CannotDecide(_) | Self::Mismatched { .. })
    }

    const fn effect(&self) -> Effect {
        match self {
            Self::NotAsked { .. } | Self::ProbeLost { .. } => Effect::None,
            Self::Unconfirmed | Self::WrongAccount { .. } => Effect::Doubt,
            Self::CannotDecide(_) | Self::Mismatched { .. } | Self::PermitsRejected { .. } => {
                Effect::Failure
            }
            Self::NotPermitted(_) => Effect::Silence,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Starting => "starting",
            Self::TakesPart => "takes-part",
            Self::Alone => "alone",
            Self::OnTrial => "on-trial",
            Self::StandsBy => "stands-by",
            Self::Stopping => "stopping",
        })
    }
}

/// Writes a name for machines and a sentence for people.
impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CannotDecide(reason) => write!(formatter, "cannot-decide: {reason}"),
            Self::Unconfirmed => formatter.write_str(
                "unconfirmed: the server does not say in which account the host is; allow its user to publish \
                 `$SYS.REQ.USER.INFO` and to subscribe to its own inbox",
            ),
            Self::WrongAccount { actual, expected } => write!(
                formatter,
                "wrong-account: the host is in account `{actual}`, and `account` in its configuration says \
                 `{expected}`; is its user one of the server's auth_users?"
            ),
            Self::NotPermitted(lacks) => write!(
                formatter,
                "not-permitted: the host's user may not {} `{}`, and without it the host cannot {}",
                lacks.side, lacks.subject, lacks.purpose
            ),
            Self::Mismatched { reason } => write!(
                formatter,
                "mismatched: the last requests were meant for another host, reason `{reason}`; compare issuer, \
                 xkey and clock with the server's"
            ),
            Self::PermitsRejected { reason } => write!(
                formatter,
                "permits-rejected: the server rejected the last permits, reason `{}`; compare issuer-seed-file, the \
                 keys under [operator.accounts] and target-accounts with the server's accounts",
                // Most reasons contain quotes. A line break would end the line of `/readyz`.
                reason.replace(char::is_control, " ")
            ),
            Self::NotAsked { account } => write!(
                formatter,
                "not-asked: the server does not show that it hands logins to account `{account}`; set `auth_callout` with this \
                 account on the server, or authorization with auth_users in the account's JWT"
            ),
            Self::ProbeLost { server } => write!(
                formatter,
                "probe-lost: a login that the host made at `{server}` was refused without asking the host; set \
                 `auth_callout` with the host's account there, or `probe = false` under [callout]"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_reason_stays_on_one_line() {
        let reason = "No valid account \"APP\"\nfor auth callout response".into();
        let text = Obstacle::PermitsRejected { reason }.to_string();
        let expected = "permits-rejected: the server rejected the last permits, reason \
                        `No valid account \"APP\" for auth callout response`; ";
        assert!(text.starts_with(expected), "{text}");
    }
}
