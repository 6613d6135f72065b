//! The permits that servers reject: `$SYS.ACCOUNT.CLIENT.AUTH.ERR`, matched with this host's
//! permits.
//!
//! A server that refuses a login says why in its log and in this event, which it publishes in the
//! callout account. The server does so when it refuses a response, and, without a reason, when it
//! stops waiting for one. The event can therefore arrive before or after the reply of this host.
//! Each denial causes an event too. The host reports only the events of logins that it permitted.

mod streak;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use parking_lot::Mutex;
use portcullis_connect::{Nats, SubscribeError};
use portcullis_core::{AccountName, AuthorizationRequest, Permit, PolicyRef};
use portcullis_environment::Clock;
use serde::Deserialize;
use tokio::sync::Notify;

use crate::confirmations::Refusal;
use crate::counters::Counters;
use crate::expiring_map::ExpiringMap;

use streak::Streak;

/// The subject on which servers publish the logins that they refused.
pub(crate) const SUBJECT: &str = "$SYS.ACCOUNT.CLIENT.AUTH.ERR";

/// Maximum time between a permit and its event. If a server waits longer than this before it gives
/// up, the host detects that by its own clock.
const WINDOW: Duration = Duration::from_secs(10);

/// Maximum number of remembered permits, and of remembered events. A further one evicts the oldest.
const MAX_REMEMBERED: usize = 65_536;

/// Recent permits, and recent events about logins without a permit. Both are keyed by the id of the
/// server and the id of the connection at that server.
#[derive(Debug)]
pub(crate) struct RecentPermits {
    recent: Mutex<Recent>,
    /// The notification that wakes the keeper when the limit of consecutive rejections is reached.
    at_limit: Notify,
    /// Whether the host has subscribed to the events.
    listens: AtomicBool,
}

#[derive(Debug)]
struct Recent {
    permits: ExpiringMap<Instant, Given>,
    refused: ExpiringMap<Instant, ()>,
    streak: Streak,
}

/// The state of a login at its server when the host permits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginState {
    /// The server has sent no event: it waits.
    Waiting,
    /// The server has refused the login or stopped waiting.
    Refused,
}

/// A permit that the host gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    /// The number of the permit.
    number: u64,
    user_nkey: Box<str>,
    account: AccountName,
    policy: Option<Arc<PolicyRef>>,
    /// The place for the server's reason, if the login is recorded.
    refusal: Option<Refusal>,
}

/// The fields of an event that the host reads.
#[derive(Debug, Deserialize)]
struct Event {
    server: EventServer,
    client: EventClient,
    #[serde(default)]
    reason: String,
}

#[derive(Debug, Deserialize)]
struct EventServer {
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Debug, Deserialize)]
struct EventClient {
    id: u64,
    #[serde(default)]
    host: String,
}

impl Event {
    /// Returns the server's reason, or a text in its place. A server that stops waiting gives none.
    fn reason(&self) -> &str {
        match self.reason.as_str() {
            "" => "none: the server did not wait for the reply, or could not read it",
            reason => reason,
        }
    }
}

impl RecentPermits {
    /// Creates a memory that suspects the host after `limit` consecutive rejections.
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            recent: Mutex::new(Recent {
                permits: ExpiringMap::new(MAX_REMEMBERED),
                refused: ExpiringMap::new(MAX_REMEMBERED),
                streak: Streak::new(limit),
            }),
            at_limit: Notify::new(),
            listens: AtomicBool::new(false),
        }
    }

    /// Returns whether the host has subscribed to the events, as far as it knows.
    pub(crate) fn listens(&self) -> bool {
        self.listens.load(Ordering::Relaxed)
    }

    /// Records that the host permitted `request` at `at`. Returns the state of the login at its
    /// server. With `recorded`, stores the reason of an event there, until that time at least.
    pub(crate) fn record(
        &self,
        request: &AuthorizationRequest,
        permit: &Permit,
        policy: Option<&Arc<PolicyRef>>,
        at: Instant,
        recorded: Option<(&Refusal, Instant)>,
    ) -> LoginState {
        let connection = (request.server.id.as_str(), request.client.id);
        let mut recent = self.recent.lock();
        recent.refused.remove_expired(at);
        if recent.refused.take(&connection).is_some() {
            return LoginState::Refused;
        }
        recent.permits.remove_expired(at);
        let given = Given {
            number: recent.streak.permitted(at),
            user_nkey: request.user_nkey.as_str().into(),
            account: permit.account_name().clone(),
            policy: policy.cloned(),
            refusal: recorded.map(|(refusal, _)| Arc::clone(refusal)),
        };
        let until = recorded.map_or(at, |(_, until)| until);
        let expires_at = (at + WINDOW).max(until + WINDOW);
        recent.permits.insert(&connection, expires_at, given);
        LoginState::Waiting
    }

    /// Records an event about a connection. Removes and returns the permit for it.
    fn refused(&self, event: &Event, at: Instant) -> Option<Given> {
        let connection = (event.server.id.as_str(), event.client.id);
        let mut recent = self.recent.lock();
        let given = recent.permits.take(&connection);
        if let Some(Given {
            refusal: Some(refusal),
            ..
        }) = &given
        {
            // An event takes its permit out, so each place is filled once.
            let _ = refusal.set(event.reason.as_str().into());
        }
        match &given {
            Some(given) if recent.streak.rejected(given.number, &event.reason) => {
                self.at_limit.notify_one();
            }
            Some(_) => {}
            None => {
                recent.refused.remove_expired(at);
                recent.refused.insert(&connection, at + WINDOW, ());
            }
        }
        given
    }

    /// Returns the reason for which servers reject all permits. `None` if they do not.
    pub(crate) fn suspicion(&self, now: Instant) -> Option<Box<str>> {
        self.recent.lock().streak.suspicion(now)
    }

    /// Returns whether the limit of consecutive rejections is reached.
    pub(crate) fn reached(&self) -> bool {
        self.recent.lock().streak.reached()
    }

    /// Resets the number of consecutive rejections to zero.
    pub(crate) fn start_over(&self) {
        self.recent.lock().streak.start_over();
    }

    /// Waits until the limit of consecutive rejections is reached.
    pub(crate) async fn at_limit(&self) {
        self.at_limit.notified().await;
    }
}

/// Processes events from `client` for as long as the connection lives. Each host receives every
/// event, so the subscription has no queue group.
///
/// # Errors
///
/// Fails if the subscription cannot be made.
pub(crate) async fn listen(
    client: impl Nats,
    permits: &RecentPermits,
    counters: Arc<Counters>,
    clock: impl Clock,
) -> Result<(), SubscribeError> {
    let mut events = client.subscribe(SUBJECT.into()).await?;
    permits.listens.store(true, Ordering::Relaxed);
    while let Some(message) = events.next().await {
        if let Ok(event) = serde_json::from_slice::<Event>(&message.payload) {
            record_rejection(&event, permits, &counters, clock.now());
        } else {
            tracing::debug!(subject = SUBJECT, "event not understood");
        }
    }
    permits.listens.store(false, Ordering::Relaxed);
    Ok(())
}

fn record_rejection(event: &Event, permits: &RecentPermits, counters: &Counters, now: Instant) {
    let Some(given) = permits.refused(event, now) else {
        return;
    };
    counters.rejected_by_server();
    let policy = given.policy.as_deref();
    tracing::warn!(
        server.reason = event.reason(),
        server.name = event.server.name,
        server.id = event.server.id,
        client.id = event.client.id,
        client.host = event.client.host,
        user_nkey = given.user_nkey,
        account = given.account.as_str(),
        policy.name = policy.map(|policy| policy.name.as_str()),
        policy.digest = policy.map(|policy| policy.digest.to_string()),
        policy.version = policy.map(|policy| policy.version.to_string()),
        "permit rejected by the server"
    );
}

#[cfg(test)]
mod tests {
    use portcullis_core::SampleValue;

    use super::*;
    use crate::fixtures::{NOW, request};

    fn permit() -> Permit {
        Permit::builder("APP", NOW).finish().unwrap()
    }

    fn event(server: &str, client: u64) -> Event {
        let text = format!(
            r#"{{"server":{{"id":"{server}","ver":"2.15.1"}},"client":{{"id":{client}}},"reason":"No valid account"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn only_refusals_of_permitted_logins_count_and_once() {
        let (permits, counters) = (RecentPermits::new(8), Counters::default());
        let mut request = request();
        request.client.id = 7;
        let _ = permits.record(&request, &permit(), None, Instant::now(), None);
        let rejected = |counters: &Counters| {
            let samples = counters.samples();
            let found = samples
                .iter()
                .find(|sample| sample.name == "permits_rejected");
            found.map(|sample| sample.value.clone())
        };
        for other in [event(request.server.id.as_str(), 8), event("NOTHER", 7)] {
            record_rejection(&other, &permits, &counters, Instant::now());
        }
        assert_eq!(rejected(&counters), Some(SampleValue::Counter(0)));
        for _ in 0..2 {
            record_rejection(
                &event(request.server.id.as_str(), 7),
                &permits,
                &counters,
                Instant::now(),
            );
        }
        assert_eq!(rejected(&counters), Some(SampleValue::Counter(1)));
    }

    #[test]
    fn old_permits_are_forgotten() {
        let permits = RecentPermits::new(8);
        let mut request = request();
        let start = Instant::now();
        for number in 0..10 {
            request.client.id = number;
            let _ = permits.record(&request, &permit(), None, start, None);
        }
        request.client.id = 10;
        let _ = permits.record(&request, &permit(), None, start + WINDOW * 2, None);
        assert_eq!(permits.recent.lock().permits.len(), 1);
    }

    #[test]
    fn a_permit_after_the_servers_refusal_is_known_to_be_too_late() {
        let (permits, counters) = (RecentPermits::new(8), Counters::default());
        let mut request = request();
        request.client.id = 7;
        record_rejection(
            &event(request.server.id.as_str(), 7),
            &permits,
            &counters,
            Instant::now(),
        );
        let now = Instant::now();
        let state = permits.record(&request, &permit(), None, now, None);
        assert_eq!(state, LoginState::Refused);
        request.client.id = 8;
        let state = permits.record(&request, &permit(), None, now, None);
        assert_eq!(state, LoginState::Waiting);
        record_rejection(
            &event(request.server.id.as_str(), 9),
            &permits,
            &counters,
            Instant::now(),
        );
        request.client.id = 9;
        let state = permits.record(&request, &permit(), None, now + WINDOW * 2, None);
        assert_eq!(
            state,
            LoginState::Waiting,
            "the event is about another login"
        );
    }
}
