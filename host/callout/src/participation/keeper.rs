//! Keeps a host in the queue group for as long as it can decide.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::Client;
use portcullis_connect::RequiredPermission;
use portcullis_core::Authorizer;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::course::Course;
use super::identity::Identities;
use super::peers::{Word, another};
use super::{Obstacle, Standing};
use crate::handle::Handler;
use crate::lane::Order;
use crate::permissions::SERVICE_INFO;

/// How often the host looks at what it can do.
const INTERVAL: Duration = Duration::from_millis(100);
/// How often a host that cannot decide asks for others.
const ASK_INTERVAL: Duration = Duration::from_secs(2);

/// Decides whether the host takes part, and tells the connections.
#[derive(Debug)]
pub(crate) struct Keeper<A> {
    handler: Arc<Handler<A>>,
    clients: Vec<Client>,
    /// The service's id in discovery.
    id: String,
    orders: watch::Sender<Order>,
    course: Course,
    asked_at: Option<Instant>,
    /// A new standing that is not in the log yet: a host says that it joins once servers have its subscriptions.
    unannounced: Option<Standing>,
}

impl<A: Authorizer> Keeper<A> {
    pub(crate) fn new(
        handler: Arc<Handler<A>>,
        clients: Vec<Client>,
        id: String,
        orders: watch::Sender<Order>,
    ) -> Self {
        let course = Course::new(handler.joins);
        Self {
            handler,
            clients,
            id,
            orders,
            course,
            asked_at: None,
            unannounced: None,
        }
    }

    /// Looks, decides and tells, for ever.
    pub(crate) async fn run(mut self) {
        let mut identities = Identities::new(
            &self.clients,
            &self.handler.group,
            self.handler.discovery.is_some(),
        );
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            identities.refresh().await;
            if !identities.are_known() {
                continue;
            }
            self.report_missing(identities.missing());
            let obstacles = self.obstacles(&identities);
            let blocked = obstacles.iter().any(Obstacle::blocks);
            self.report(obstacles);
            let suspected = self.handler.mismatches.suspicion().is_some();
            let others = self.ask_for_others(blocked || suspected).await;
            let before = self.course.standing();
            let now = Instant::now();
            let standing = self
                .course
                .step(blocked, &self.handler.mismatches, others, now);
            if standing != before {
                self.change(standing);
                self.unannounced = Some(standing);
            }
            let waits = standing.is_in_group() && !self.handler.participation.is_subscribed();
            if !waits && let Some(standing) = self.unannounced.take() {
                announce(standing);
            }
        }
    }

    /// Returns every obstacle, but for mismatches.
    fn obstacles(&self, identities: &Identities) -> Vec<Obstacle> {
        let mut obstacles = identities.obstacles();
        let lost_at = self.handler.participation.probes.lost_at();
        obstacles.extend(lost_at.map(|server| Obstacle::ProbeLost { server }));
        if self.handler.mismatches.proved() {
            obstacles.retain(Obstacle::blocks);
        }
        let cannot = self.handler.authorizer.cannot_decide();
        obstacles.extend(cannot.map(Obstacle::CannotDecide));
        obstacles
    }

    /// Publishes the obstacles and logs those that are new or gone.
    fn report(&self, mut obstacles: Vec<Obstacle>) {
        let suspicion = self.handler.mismatches.suspicion();
        obstacles.extend(suspicion.map(|reason| Obstacle::Mismatched { reason }));
        let before = self.handler.participation.obstacles();
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
        let state = &self.handler.participation.state;
        state.send_modify(|state| state.obstacles = obstacles);
    }

    fn report_missing(&self, missing: Vec<RequiredPermission>) {
        let state = &self.handler.participation.state;
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

    /// Asks for other hosts if the standing depends on them and they were not asked for a moment ago.
    async fn ask_for_others(&mut self, obstructed: bool) -> Option<bool> {
        if !self.course.needs_others(obstructed) {
            return None;
        }
        let settled = matches!(self.course.standing(), Standing::StandsBy | Standing::Alone);
        let due = self.asked_at.is_none_or(|at| at.elapsed() >= ASK_INTERVAL);
        if settled && !due {
            return None;
        }
        let client = self.clients.first()?;
        let may_ask = self.handler.participation.permits(SERVICE_INFO).await;
        let others = may_ask && another(client, &self.id, |word| word == Word::Yes).await;
        self.asked_at = Some(Instant::now());
        Some(others)
    }

    /// Publishes the standing and tells the connections.
    fn change(&self, standing: Standing) {
        let order = if standing.is_in_group() {
            Order::Take
        } else {
            Order::Wait
        };
        self.handler.participation.state.send_modify(|state| {
            state.standing = standing;
            state.changes = state.changes.saturating_add(1);
        });
        self.orders.send_if_modified(|present| {
            let changed = *present != Order::Stop && *present != order;
            if changed {
                *present = order;
            }
            changed
        });
    }
}

/// Logs a new standing.
fn announce(standing: Standing) {
    match standing {
        Standing::TakesPart => tracing::info!("the host takes part"),
        Standing::OnTrial => {
            tracing::info!("the host takes part on trial: the last requests were mismatched");
        }
        Standing::Alone => tracing::warn!(
            "the host cannot decide and no other host takes part: it takes logins and denies them"
        ),
        Standing::StandsBy => {
            tracing::warn!("the host cannot decide and leaves logins to other hosts");
        }
        Standing::Starting | Standing::Stopping => {}
    }
}
