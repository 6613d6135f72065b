//! The keeper, which keeps a host in the queue group for as long as it can decide.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_connect::{Nats, RequiredPermission};
use portcullis_environment::Clock;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::course::{Condition, Course};
use super::evidence::Evidence;
use super::obstacle::{Effect, Obstacle};
use super::options::{ParticipationOptions, WhenAlone};
use super::order::Order;
use super::own_connections::Identities;
use super::peers::{Others, Word, others};
use super::standing::Standing;
use crate::permissions::SERVICE_INFO;
use crate::queue_group::QueueGroup;

/// Interval at which the host checks its own state.
const INTERVAL: Duration = Duration::from_millis(100);
/// Interval at which a host that cannot decide asks for other hosts.
const ASK_INTERVAL: Duration = Duration::from_secs(2);

/// The task that decides whether the host takes part, and gives orders to the connections.
pub(crate) struct Keeper<C, N> {
    evidence: Arc<Evidence>,
    setting: Setting,
    clock: C,
    clients: Vec<N>,
    /// The id of the service in discovery.
    id: String,
    orders: watch::Sender<Order>,
    course: Course,
    asked_at: Option<Instant>,
    /// The last answer about other hosts.
    others: Others,
    /// A new standing that is not in the log yet. The host logs that it joins once servers have its
    /// subscriptions, and that it leaves once they have none.
    unannounced: Option<Standing>,
}

/// The facts about the service by which its keeper decides.
pub(crate) struct Setting {
    pub(crate) options: ParticipationOptions,
    pub(crate) group: QueueGroup,
    /// Whether NATS tools and other hosts can find the service.
    pub(crate) is_discoverable: bool,
    /// The permissions that the host's user needs for more than logins.
    pub(crate) further_permissions: Vec<RequiredPermission>,
    /// Whether the service makes probe logins.
    pub(crate) makes_probes: bool,
    /// Returns the reason for which no login is permitted. `None` if logins are decided.
    pub(crate) cannot_decide: Box<dyn Fn() -> Option<String> + Send + Sync>,
}

impl<C: Clock, N: Nats> Keeper<C, N> {
    pub(crate) fn new(
        evidence: Arc<Evidence>,
        setting: Setting,
        clock: C,
        clients: Vec<N>,
        id: String,
        orders: watch::Sender<Order>,
    ) -> Self {
        Self {
            course: Course::new(setting.options),
            evidence,
            setting,
            clock,
            clients,
            id,
            orders,
            asked_at: None,
            others: Others::Unknown,
            unannounced: None,
        }
    }

    /// Checks the host, decides its standing and gives orders to the connections, without end.
    pub(crate) async fn run(mut self) {
        let mut identities = Identities::new(
            &self.clients,
            &self.setting.group,
            self.setting.is_discoverable,
            &self.setting.further_permissions,
        );
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.evidence.mismatches.at_limit() => {}
                () = self.evidence.permits.at_limit() => {}
            }
            identities.refresh(&self.clock).await;
            if !identities.are_known() {
                continue;
            }
            self.report_missing(identities.missing());
            let lasting = self.obstacles(&identities);
            let suspicions = self.suspicions();
            // The step must know the mismatches that were the reason to ask for others, and no
            // later ones.
            let condition = Condition {
                lasting: effect(&lasting),
                suspected: !suspicions.is_empty(),
                at_limit: self.evidence.mismatches.reached() || self.evidence.permits.reached(),
            };
            let obstacles = [lasting, suspicions].concat();
            self.report(&obstacles);
            let others = self.ask_for_others(condition).await;
            let before = self.course.standing();
            let standing = self.course.step(condition, others, self.clock.now());
            if standing != before {
                self.change(standing);
                self.unannounced = Some(standing);
            }
            if self.evidence.participation.is_settled()
                && let Some(standing) = self.unannounced.take()
            {
                self.announce(standing, &obstacles);
            }
        }
    }

    /// Returns the obstacles whose end only new requests and permits can show.
    fn suspicions(&self) -> Vec<Obstacle> {
        let mismatch = self.evidence.mismatches.suspicion();
        let mismatch = mismatch.map(|reason| Obstacle::Mismatched { reason });
        let rejection = self.evidence.permits.suspicion(self.clock.now());
        let rejection = rejection.map(|reason| Obstacle::PermitsRejected { reason });
        mismatch.into_iter().chain(rejection).collect()
    }

    /// Returns all obstacles except the suspicions.
    fn obstacles(&self, identities: &Identities<N>) -> Vec<Obstacle> {
        let mut obstacles = identities.obstacles();
        let lost_at = self.evidence.participation.probes.lost_at();
        obstacles.extend(lost_at.map(|server| Obstacle::ProbeLost { server }));
        if self.evidence.mismatches.proved() || self.awaits_probe(&obstacles) {
            obstacles.retain(Obstacle::blocks);
        }
        let unproved = self.evidence.mismatches.unproved();
        obstacles.extend(unproved.map(|reason| Obstacle::Unmatched { reason }));
        let cannot = (self.setting.cannot_decide)();
        obstacles.extend(cannot.map(Obstacle::CannotDecide));
        obstacles
    }

    /// Returns whether a probe will soon show if servers ask the host. With `allowed_accounts`,
    /// servers do not show that to the users of the callout account.
    fn awaits_probe(&self, obstacles: &[Obstacle]) -> bool {
        let doubts = |obstacle: &Obstacle| matches!(obstacle, Obstacle::NotAsked { .. });
        self.setting.makes_probes
            && obstacles.iter().any(doubts)
            && self.evidence.participation.probes.are_awaited()
    }

    /// Publishes the obstacles and logs those that are new or gone.
    fn report(&self, obstacles: &[Obstacle]) {
        let before = self.evidence.participation.obstacles();
        if before == obstacles {
            return;
        }
        for new in obstacles
            .iter()
            .filter(|obstacle| !before.contains(obstacle))
        {
            tracing::warn!(error = %new, "obstacle to deciding logins");
        }
        for gone in before
            .iter()
            .filter(|obstacle| !obstacles.contains(obstacle))
        {
            tracing::info!(error = %gone, "obstacle to deciding logins is gone");
        }
        let state = &self.evidence.participation.state;
        state.send_modify(|state| state.obstacles = obstacles.to_vec());
    }

    fn report_missing(&self, missing: Vec<RequiredPermission>) {
        let state = &self.evidence.participation.state;
        let before = state.borrow().missing.clone();
        if before.as_ref() == Some(&missing) {
            return;
        }
        let known = before.unwrap_or_default();
        for lacks in missing.iter().filter(|lacks| !known.contains(lacks)) {
            tracing::warn!(
                permission.side = %lacks.side,
                permission.subject = lacks.subject,
                error = format!("without it the host cannot {}", lacks.purpose),
                "permission missing"
            );
        }
        state.send_modify(|state| state.missing = Some(missing));
    }

    /// Asks for other hosts. Returns `None` if the standing does not depend on them or the last
    /// answer is recent.
    async fn ask_for_others(&mut self, condition: Condition) -> Option<Others> {
        if !self.course.needs_others(condition) {
            return None;
        }
        let settled = matches!(self.course.standing(), Standing::StandsBy | Standing::Alone);
        let is_due = |at| self.clock.elapsed(at) >= ASK_INTERVAL;
        if settled && !self.asked_at.is_none_or(is_due) {
            return None;
        }
        let client = self.clients.first()?;
        self.others = if self.evidence.participation.permits(SERVICE_INFO).await {
            others(client, &self.id, |word| word == Word::Yes).await
        } else {
            Others::Unknown
        };
        self.asked_at = Some(self.clock.now());
        Some(self.others)
    }

    /// Publishes the standing and gives an order to the connections.
    fn change(&self, standing: Standing) {
        let order = if standing.is_in_group() {
            Order::Take
        } else {
            Order::Wait
        };
        self.evidence.participation.state.send_modify(|state| {
            state.standing = standing;
            state.changes = state.changes.saturating_add(1);
        });
        if standing == Standing::OnTrial {
            self.evidence.mismatches.start_over();
            self.evidence.permits.start_over();
        }
        self.orders.send_if_modified(|present| {
            let changed = *present != Order::Stop && *present != order;
            if changed {
                *present = order;
            }
            changed
        });
    }

    /// Logs a new standing and what the host does because of it.
    fn announce(&self, standing: Standing, obstacles: &[Obstacle]) {
        match standing {
            Standing::TakesPart => tracing::info!("the host takes part"),
            Standing::OnTrial => tracing::info!("the host takes part on trial"),
            Standing::Alone if !obstacles.iter().any(Obstacle::denies) => tracing::warn!(
                "the host has an obstacle and no other host takes part: it takes logins and decides them"
            ),
            Standing::Alone => tracing::warn!(
                "the host cannot decide and no other host takes part: it takes logins and denies them"
            ),
            Standing::StandsBy if self.cannot_find_others(obstacles) => tracing::warn!(
                error = "the host hears no answer on `$SRV.INFO`; allow its user to publish there and to \
                         subscribe to its own inbox",
                "the host cannot decide and cannot find other hosts: it leaves logins to them"
            ),
            Standing::StandsBy if effect(obstacles) == Effect::Doubt => {
                tracing::warn!("the host has an obstacle and leaves logins to other hosts");
            }
            Standing::StandsBy => {
                tracing::warn!("the host cannot decide and leaves logins to other hosts");
            }
            Standing::Starting | Standing::Stopping => {}
        }
    }

    /// Returns whether the host left although it found no other host.
    fn cannot_find_others(&self, obstacles: &[Obstacle]) -> bool {
        let when_alone = self.setting.options.when_alone;
        when_alone == WhenAlone::Deny
            && effect(obstacles) == Effect::Failure
            && self.others == Others::Unknown
    }
}

/// Returns the most severe effect of `obstacles`.
fn effect(obstacles: &[Obstacle]) -> Effect {
    let effects = obstacles.iter().map(Obstacle::effect);
    effects.max().unwrap_or(Effect::None)
}
