//! The sink that publishes login events for applications.
//!
//! An event is made of the record while it passes by, so that this sink holds no room of the
//! records. Events that cannot be published in time are lost and counted. This is so with
//! [`WhenRecordsFull::Block`] too: an application that hears no events must not delay logins.

mod subject;

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use bytes::Bytes;
use portcullis_authority::WhenRecordsFull;
use portcullis_core::{AccountName, DecisionRecord, LoginEvent, RecordedAccess};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::sink::{Sink, SinkNumbers, SinkQueue};

pub use subject::{EventSubject, InvalidEventSubject};

/// Treatment of events that find the queue full, regardless of that of the records.
pub(crate) const WHEN_FULL: WhenRecordsFull = WhenRecordsFull::Drop;

/// Maximum time for a batch, a lost connection that comes back included.
const LIMIT: Duration = Duration::from_secs(5);

/// Interval at which the sink looks whether the connection is back.
const RECONNECT_POLL: Duration = Duration::from_millis(100);

/// The options of the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventOptions {
    /// The subject of the events of an account.
    pub subject: EventSubject,
    /// Whether events have the address of the client. Default: `false`.
    pub address: bool,
    /// The account that receives denied logins, which have no account of their own. `None` for no
    /// events of denials. The default.
    pub denials: Option<AccountName>,
}

impl EventOptions {
    /// Returns options with this subject, and defaults.
    pub const fn new(subject: EventSubject) -> Self {
        Self {
            subject,
            address: false,
            denials: None,
        }
    }

    /// Returns the event of a login. `None` if no account receives it.
    fn message(&self, record: &DecisionRecord) -> Option<EventMessage> {
        let own = record.access.as_ref().map(RecordedAccess::account_name);
        let account = own.or_else(|| self.denials.as_ref().map(AccountName::as_str))?;
        let mut event = LoginEvent::new(record, account);
        if self.address {
            event = event.with_address(record);
        }
        Some(EventMessage {
            subject: self.subject.subject(account, record.user()),
            payload: serde_json::to_vec(&event).ok()?.into(),
        })
    }
}

/// An event that waits to be published. The length of each text in it is limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventMessage {
    subject: String,
    payload: Bytes,
}

/// The filling end of the queue of events.
#[derive(Debug)]
pub(crate) struct EventQueue {
    pub(crate) options: EventOptions,
    pub(crate) queue: SinkQueue<EventMessage>,
}

impl EventQueue {
    /// Hands the event of a login to the sink. Drops and counts it if the queue is full.
    pub(crate) fn push(&self, record: &DecisionRecord) {
        if let Some(message) = self.options.message(record) {
            self.queue.push(Arc::new(message));
        }
    }
}

/// A reason why events are not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EventError {
    #[error("login events: the connection did not take them within 5 s")]
    TooLong,
    #[error("login events: the connection was closed for good")]
    Closed,
    #[error("login events: the host stopped before it was connected")]
    NeverConnected,
}

/// The sink.
pub(crate) struct EventSink {
    runtime: Handle,
    connected: Option<oneshot::Receiver<Client>>,
    client: Option<Client>,
    numbers: Arc<SinkNumbers>,
}

impl EventSink {
    /// Returns a sink that publishes once `connected` has a client.
    pub(crate) const fn new(
        runtime: Handle,
        connected: oneshot::Receiver<Client>,
        numbers: Arc<SinkNumbers>,
    ) -> Self {
        Self {
            runtime,
            connected: Some(connected),
            client: None,
            numbers,
        }
    }

    /// Returns the client. Waits for the first connection.
    fn client(&mut self) -> Result<Client, EventError> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let connected = self.connected.take().ok_or(EventError::NeverConnected)?;
        let client = self.runtime.block_on(connected);
        let client = client.map_err(|_| EventError::NeverConnected)?;
        self.client = Some(client.clone());
        Ok(client)
    }

    /// Publishes `messages`, and counts them in `done`. Waits while the connection is lost, because
    /// messages that async-nats holds meanwhile would go out before the replies to logins.
    async fn publish(
        &self,
        client: &Client,
        messages: &[Arc<EventMessage>],
        done: &mut usize,
    ) -> Result<(), EventError> {
        for message in messages {
            while client.connection_state() != State::Connected {
                if self.numbers.stops() {
                    return Err(EventError::TooLong);
                }
                sleep(RECONNECT_POLL).await;
            }
            let (subject, payload) = (message.subject.clone(), message.payload.clone());
            let published = client.publish(subject, payload).await;
            published.map_err(|_| EventError::Closed)?;
            *done = done.saturating_add(1);
        }
        Ok(())
    }
}

impl Sink for EventSink {
    type Record = EventMessage;
    type Error = EventError;

    fn write(&mut self, messages: &[Arc<EventMessage>]) -> (usize, Result<(), EventError>) {
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return (0, Err(error)),
        };
        let mut done = 0;
        let runtime = self.runtime.clone();
        let publishing = async { timeout(LIMIT, self.publish(&client, messages, &mut done)).await };
        let result = runtime.block_on(publishing);
        (done, result.unwrap_or(Err(EventError::TooLong)))
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::{LoginOutcome, RecordedVerdict};
    use serde_json::json;

    use super::*;
    use crate::line::fixtures::{options, record};

    fn denied() -> DecisionRecord {
        let (recorder, _records) = portcullis_authority::Recorder::queue(options());
        let mut record = *record(&recorder).record;
        record.login.client.name = Some("desk".to_owned());
        record.login.client.host = Some("192.0.2.7".to_owned());
        record
            .login
            .identity
            .claims
            .insert("role".to_owned(), json!("c1aim"));
        record
    }

    fn admitted() -> DecisionRecord {
        let access = json!({ "account": "APP", "publish": {}, "subscribe": {} });
        DecisionRecord {
            outcome: LoginOutcome::Admitted,
            verdict: RecordedVerdict::Permit,
            access: serde_json::from_value(access).unwrap(),
            ..denied()
        }
    }

    fn event_options() -> EventOptions {
        EventOptions::new("logins.{account}.{user}".parse().unwrap())
    }

    fn event(message: &EventMessage) -> serde_json::Value {
        serde_json::from_slice(&message.payload).unwrap()
    }

    #[test]
    fn an_event_has_few_facts_and_the_address_only_if_that_is_on() {
        let record = admitted();
        let options = event_options();
        let message = options.message(&record).unwrap();
        assert_eq!(message.subject, "logins.APP.alice");
        let expected = json!({
            "format": 1,
            "id": record.id,
            "time": "1970-01-01T00:00:00.000Z",
            "account": "APP",
            "user": "alice",
            "verdict": "permit",
            "outcome": "admitted",
            "method": record.login.identity.method,
            "client": "desk",
            "server": record.login.server.name,
        });
        assert_eq!(event(&message), expected);
        let options = EventOptions {
            address: true,
            ..options
        };
        let message = options.message(&record).unwrap();
        assert_eq!(event(&message)["address"], "192.0.2.7");
    }

    #[test]
    fn an_account_that_a_policy_named_by_its_key_has_the_events_of_its_name() {
        let mut record = admitted();
        let access = record.access.as_mut().unwrap();
        access.account = "ABJHLOVMPA4CI6R5KLNGOB4GSLNIY7IOUPAJC4YFNDLQVIOBYQGUWVLA".to_owned();
        access.account_name = Some("APP".to_owned());
        let message = event_options().message(&record).unwrap();
        assert_eq!(message.subject, "logins.APP.alice");
        assert_eq!(event(&message)["account"], "APP");
    }

    #[test]
    fn a_denial_has_no_account_unless_one_is_told_of_denials() {
        let options = event_options();
        assert_eq!(options.message(&denied()), None);
        let options = EventOptions {
            denials: Some("OPS".parse().unwrap()),
            ..options
        };
        let message = options.message(&denied()).unwrap();
        assert_eq!(message.subject, "logins.OPS.alice");
        assert_eq!(event(&message)["outcome"], "denied");
        let message = options.message(&admitted()).unwrap();
        assert_eq!(event(&message)["account"], "APP");
    }

    #[test]
    fn an_event_is_small_whatever_a_client_calls_itself() {
        let mut record = admitted();
        let long = "ü".repeat(1 << 16);
        record.login.identity.principal = Some(long.clone());
        record.login.client.name = Some(long);
        let message = event_options().message(&record).unwrap();
        assert!(message.payload.len() < 4096, "{}", message.payload.len());
        assert!(message.subject.len() < 300);
    }
}
