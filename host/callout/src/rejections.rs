//! What the server makes of a permit: `$SYS.ACCOUNT.CLIENT.AUTH.ERR`, set against the permits given lately.
//!
//! A server that refuses a response says so to nobody but its log and this event, which it publishes in the callout
//! account. Every denial causes one too; only those of logins that this host permitted are news.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::{Client, SubscribeError};
use futures::StreamExt;
use portcullis_core::{AuthorizationRequest, Permit, PolicyRef};
use serde::Deserialize;

use crate::counters::Counters;

/// Where servers say whom they refused.
const SUBJECT: &str = "$SYS.ACCOUNT.CLIENT.AUTH.ERR";

/// How long after a permit the server may refuse it.
const WINDOW: Duration = Duration::from_secs(30);

/// Most permits remembered; the oldest make room.
const MOST: usize = 65_536;

/// The permits given lately.
#[derive(Debug, Default)]
pub(crate) struct RecentPermits(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    permits: HashMap<Connection, Given>,
    in_order: VecDeque<(Instant, Connection)>,
}

/// A connection: the server's id and the connection's on it.
type Connection = (Box<str>, u64);

/// What was permitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    user_nkey: String,
    account: String,
    policy: Option<PolicyRef>,
}

/// The part of the event that matters here.
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

impl RecentPermits {
    /// Remembers that `request` was permitted, at `at`.
    pub(crate) fn note(
        &self,
        request: &AuthorizationRequest,
        permit: &Permit,
        policy: Option<&PolicyRef>,
        at: Instant,
    ) {
        let connection: Connection = (request.server.id.as_str().into(), request.client.id);
        let given = Given {
            user_nkey: request.user_nkey.clone(),
            account: permit.account.clone(),
            policy: policy.cloned(),
        };
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.forget_before(at);
        recent.in_order.push_back((at, connection.clone()));
        recent.permits.insert(connection, given);
    }

    /// What was permitted to a connection lately, and forgets it.
    fn take(&self, server: &str, client: u64) -> Option<Given> {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.permits.remove(&(server.into(), client))
    }
}

impl Recent {
    fn forget_before(&mut self, now: Instant) {
        while let Some((at, _)) = self.in_order.front() {
            let old = now.saturating_duration_since(*at) > WINDOW;
            if !old && self.in_order.len() < MOST {
                return;
            }
            if let Some((_, connection)) = self.in_order.pop_front() {
                self.permits.remove(&connection);
            }
        }
    }
}

/// Listens on `client` for as long as the connection lives. Every host hears of every refusal, so there is no queue
/// group.
///
/// # Errors
///
/// When the subscription cannot be made.
pub(crate) async fn listen(
    client: Client,
    permits: Arc<RecentPermits>,
    counters: Arc<Counters>,
) -> Result<(), SubscribeError> {
    let mut events = client.subscribe(SUBJECT).await?;
    while let Some(message) = events.next().await {
        if let Ok(event) = serde_json::from_slice::<Event>(&message.payload) {
            note_rejection(&event, &permits, &counters);
        } else {
            tracing::debug!(subject = SUBJECT, "event not understood");
        }
    }
    Ok(())
}

fn note_rejection(event: &Event, permits: &RecentPermits, counters: &Counters) {
    let Some(given) = permits.take(&event.server.id, event.client.id) else {
        return;
    };
    counters.rejected_by_server();
    let policy = given.policy.as_ref();
    tracing::warn!(
        server.reason = event.reason,
        server.name = event.server.name,
        server.id = event.server.id,
        client.id = event.client.id,
        client.host = event.client.host,
        user_nkey = given.user_nkey,
        account = given.account,
        policy.name = policy.map(|policy| policy.name.as_str()),
        policy.digest = policy.map(|policy| policy.digest.to_string()),
        "permit rejected by the server"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{NOW, request};
    use crate::sample::SampleValue;

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
        let (permits, counters) = (RecentPermits::default(), Counters::default());
        let mut request = request();
        request.client.id = 7;
        permits.note(&request, &permit(), None, Instant::now());
        let rejected = |counters: &Counters| {
            let samples = counters.samples();
            let found = samples
                .iter()
                .find(|sample| sample.name == "permits_rejected");
            found.map(|sample| sample.value.clone())
        };
        for other in [event(&request.server.id, 8), event("NOTHER", 7)] {
            note_rejection(&other, &permits, &counters);
        }
        assert_eq!(rejected(&counters), Some(SampleValue::Counter(0)));
        for _ in 0..2 {
            note_rejection(&event(&request.server.id, 7), &permits, &counters);
        }
        assert_eq!(rejected(&counters), Some(SampleValue::Counter(1)));
    }

    #[test]
    fn old_permits_are_forgotten() {
        let permits = RecentPermits::default();
        let mut request = request();
        let start = Instant::now();
        for number in 0..10 {
            request.client.id = number;
            permits.note(&request, &permit(), None, start);
        }
        request.client.id = 10;
        permits.note(&request, &permit(), None, start + WINDOW * 2);
        let recent = permits.0.lock().unwrap();
        assert_eq!((recent.permits.len(), recent.in_order.len()), (1, 1));
    }
}
