//! The stream of events.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::{SelectAll, select_all};
use futures::{Stream, StreamExt as _};
use portcullis_connect::{Nats, Subject, USER_INFO};
use portcullis_core::AccountName;

use crate::client::SystemClient;
use crate::error::SystemError;
use crate::event::{EventKind, SystemEvent};
use crate::subject;

/// Maximum time until a sign that the server has handled the subscriptions.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);

/// The events to listen for. The default is all events of all accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFilter {
    /// Kinds of the events. Default: all.
    pub kinds: BTreeSet<EventKind>,
    /// Account of connects, disconnects and numbers of connections. The other events are not those
    /// of one account. Default: `None`, all accounts.
    pub account: Option<AccountName>,
}

/// The stream of events, until it is dropped. It ends when the connection is closed for good.
///
/// Connects and disconnects of one server arrive in their order. Events of other kinds may overtake
/// each other. Events that servers publish while the connection is lost are lost.
#[derive(Debug)]
pub struct Events<N: Nats> {
    subscriptions: SelectAll<N::Subscription>,
    kinds: BTreeSet<EventKind>,
}

/// The error about an event that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("unreadable event on `{subject}`")]
pub struct EventError {
    /// Subject of the event.
    pub subject: String,
    /// The reason.
    pub source: serde_json::Error,
}

impl Default for EventFilter {
    fn default() -> Self {
        Self {
            kinds: EventKind::ALL.into(),
            account: None,
        }
    }
}

impl EventFilter {
    /// Returns the subjects to subscribe to.
    fn subjects(&self) -> Result<BTreeSet<String>, SystemError> {
        let account = match &self.account {
            Some(account) => subject::token(account)?,
            None => "*",
        };
        let of_kind = |kind: &EventKind| match kind {
            // One subscription for both, which keeps their order.
            EventKind::Connect | EventKind::Disconnect => format!("$SYS.ACCOUNT.{account}.*"),
            EventKind::AccountConnections => format!("$SYS.ACCOUNT.{account}.SERVER.CONNS"),
            EventKind::AccountAuthError => "$SYS.ACCOUNT.CLIENT.AUTH.ERR".to_owned(),
            EventKind::AuthError => "$SYS.SERVER.*.CLIENT.AUTH.ERR".to_owned(),
            EventKind::Statsz => "$SYS.SERVER.*.STATSZ".to_owned(),
            EventKind::LameDuck => "$SYS.SERVER.*.LAMEDUCK".to_owned(),
            EventKind::Shutdown => "$SYS.SERVER.*.SHUTDOWN".to_owned(),
        };
        Ok(self.kinds.iter().map(of_kind).collect())
    }
}

impl<N: Nats> SystemClient<N> {
    /// Listens for events from now on.
    ///
    /// The connection's server knows the subscriptions when this function returns, so that no event
    /// of a later login is missed. Other servers of a cluster know them some milliseconds later.
    ///
    /// A server publishes no event for a user without permission to read it. Such a subscription
    /// stays silent, because the server reports the violation outside of it.
    ///
    /// # Errors
    ///
    /// Fails if the account's name cannot be part of a subject, or the connection is closed for
    /// good.
    pub async fn events(&self, filter: &EventFilter) -> Result<Events<N>, SystemError> {
        let mut subscriptions = Vec::new();
        for subject in filter.subjects()? {
            let subscribed = self.nats().subscribe(Subject::from(subject.as_str()));
            let subscribed = subscribed.await;
            subscriptions
                .push(subscribed.map_err(|source| SystemError::Subscribe { subject, source })?);
        }
        // A server handles the messages of a connection in order, so that any answer comes after
        // the subscriptions. Without permission for the request, none comes.
        let _ = self.nats().request(USER_INFO.into(), SETTLE_TIMEOUT).await;
        Ok(Events {
            subscriptions: select_all(subscriptions),
            kinds: filter.kinds.clone(),
        })
    }
}

impl<N: Nats> Stream for Events<N> {
    type Item = Result<SystemEvent, EventError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(message) = ready!(self.subscriptions.poll_next_unpin(context)) else {
                return Poll::Ready(None);
            };
            let kind = EventKind::for_subject(&message.subject);
            let Some(kind) = kind.filter(|kind| self.kinds.contains(kind)) else {
                continue;
            };
            let event = kind.read(&message.payload).map_err(|source| EventError {
                subject: message.subject.to_string(),
                source,
            });
            return Poll::Ready(Some(event));
        }
    }
}
