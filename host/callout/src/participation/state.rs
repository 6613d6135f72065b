//! The participation of a service, which its connections and its keeper share.

use portcullis_connect::RequiredPermission;
use portcullis_core::Sample;
use tokio::sync::watch;

use super::obstacle::Obstacle;
use super::probe::Probes;
use super::standing::Standing;

/// The participation of a service, valid while the service runs and after.
#[derive(Debug, Default)]
pub struct Participation {
    pub(super) state: watch::Sender<State>,
    pub(crate) probes: Probes,
}

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) standing: Standing,
    pub(super) obstacles: Vec<Obstacle>,
    /// The number of connections, and of those whose subscription a server has confirmed.
    connections: usize,
    subscriptions: usize,
    /// Number of changes of the standing.
    pub(super) changes: u64,
    /// The permissions that the host's user lacks. `None` until a server has reported them.
    pub(super) missing: Option<Vec<RequiredPermission>>,
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
