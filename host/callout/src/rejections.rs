//! What the server makes of a permit: `$SYS.ACCOUNT.CLIENT.AUTH.ERR`, set against the permits of this host.
//!
//! A server that refuses a login says why in its log and in this event, which it publishes in the callout account. It does
//! so when it refuses a response, and, without a reason, when it stops waiting for one. So the event can come before the
//! reply of this host or after it. Every denial causes one too; only those of logins that this host permits are news.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::{Client, SubscribeError};
use futures::StreamExt;
use portcullis_core::{AuthorizationRequest, Permit, PolicyRef};
use serde::Deserialize;

use crate::counters::Counters;
use crate::lately::Lately;

/// Where servers say whom they refused.
pub(crate) const SUBJECT: &str = "$SYS.ACCOUNT.CLIENT.AUTH.ERR";

/// Time between a permit and its event. A server that waits for longer than this before it gives up is noticed by the time
/// that passes here.
const WINDOW: Duration = Duration::from_secs(10);

/// Most permits, and most events, that are remembered; the oldest make room.
const MOST: usize = 65_536;

/// Recent permits, and recent events about logins that were not permitted by then, by the server's id and the
/// connection's on it.
#[derive(Debug)]
pub(crate) struct RecentPermits(Mutex<Recent>);

#[derive(Debug)]
struct Recent {
    permits: Lately<Instant, Given>,
    refused: Lately<Instant, ()>,
}

/// What the server has said about a login by the time that it is permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing: it waits.
    Open,
    /// It has refused the login or stopped waiting.
    Refused,
}

/// What was permitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    user_nkey: Box<str>,
    account: Box<str>,
    policy: Option<Arc<PolicyRef>>,
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

impl Event {
    /// Returns the server's reason. A server that stops waiting gives none.
    fn reason(&self) -> &str {
        match self.reason.as_str() {
            "" => "none: the server did not wait for the reply, or could not read it",
            reason => reason,
        }
    }
}

impl Default for RecentPermits {
    fn default() -> Self {
        Self(Mutex::new(Recent {
            permits: Lately::new(MOST),
            refused: Lately::new(MOST),
        }))
    }
}

impl RecentPermits {
    /// Remembers that `request` is permitted, at `at`. Returns what the server has said about it by then.
    pub(crate) fn note(
        &self,
        request: &AuthorizationRequest,
        permit: &Permit,
        policy: Option<&Arc<PolicyRef>>,
        at: Instant,
    ) -> Verdict {
        let given = Given {
            user_nkey: request.user_nkey.as_str().into(),
            account: permit.account.as_str().into(),
            policy: policy.cloned(),
        };
        let connection = (request.server.id.as_str(), request.client.id);
        let mut recent = self.recent();
        recent.refused.forget_before(at);
        if recent.refused.take(&connection).is_some() {
            return Verdict::Refused;
        }
        recent.permits.forget_before(at);
        recent.permits.insert(&connection, at + WINDOW, given);
        Verdict::Open
    }

    /// Notes an event about a connection. Returns what was permitted to it, and forgets that.
    fn refused(&self, server: &str, client: u64, at: Instant) -> Option<Given> {
        let mut recent = self.recent();
        let given = recent.permits.take(&(server, client));
        if given.is_none() {
            recent.refused.forget_before(at);
            recent.refused.insert(&(server, client), at + WINDOW, ());
        }
        given
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    let given = permits.refused(&event.server.id, event.client.id, Instant::now());
    let Some(given) = given else {
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
        account = given.account,
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
        let (permits, counters) = (RecentPermits::default(), Counters::default());
        let mut request = request();
        request.client.id = 7;
        let _ = permits.note(&request, &permit(), None, Instant::now());
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
            let _ = permits.note(&request, &permit(), None, start);
        }
        request.client.id = 10;
        let _ = permits.note(&request, &permit(), None, start + WINDOW * 2);
        assert_eq!(permits.recent().permits.len(), 1);
    }

    #[test]
    fn a_permit_after_the_servers_refusal_is_known_to_be_too_late() {
        let (permits, counters) = (RecentPermits::default(), Counters::default());
        let mut request = request();
        request.client.id = 7;
        note_rejection(&event(&request.server.id, 7), &permits, &counters);
        let now = Instant::now();
        let verdict = permits.note(&request, &permit(), None, now);
        assert_eq!(verdict, Verdict::Refused);
        request.client.id = 8;
        let verdict = permits.note(&request, &permit(), None, now);
        assert_eq!(verdict, Verdict::Open);
        note_rejection(&event(&request.server.id, 9), &permits, &counters);
        request.client.id = 9;
        let verdict = permits.note(&request, &permit(), None, now + WINDOW * 2);
        assert_eq!(verdict, Verdict::Open, "the event is about another login");
    }
}
