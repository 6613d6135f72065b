//! Answers of several servers, and the end of the wait for them.

use std::num::NonZeroUsize;
use std::time::Duration;

use futures::StreamExt as _;
use portcullis_connect::{Message, Nats, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::error::{ReplyError, SystemError};
use crate::server::ServerInfo;

/// The end of the wait for answers. The wait ends at the first of these conditions.
///
/// A request to all servers has no known number of answers: a server that does not match a filter,
/// or has stopped, does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gathering {
    /// Number of answers that is enough. Default: `None`, any number.
    pub servers: Option<NonZeroUsize>,
    /// Time without another answer, from the first answer on. Default: 500 ms.
    pub quiet: Option<Duration>,
    /// Time since the request. Default: 5 s.
    pub total: Duration,
}

/// The answers of several servers.
#[derive(Debug)]
pub struct Gathered<T> {
    /// The answers, in the order of their arrival. Empty if no server answered.
    pub replies: Vec<Reply<T>>,
    /// The condition that ended the wait.
    pub end: GatheringEnd,
}

/// The answer of one server.
#[derive(Debug)]
pub struct Reply<T> {
    /// The server. Empty if the answer is malformed.
    pub server: ServerInfo,
    /// Time between the request and the answer.
    pub elapsed: Duration,
    /// The data, or the server's error.
    pub result: Result<T, ReplyError>,
}

/// The condition that ended the wait for answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatheringEnd {
    /// The expected number of servers has answered, or the answers are what the caller waits for.
    Complete,
    /// No other answer arrived for the time [`Gathering::quiet`].
    Quiet,
    /// The time [`Gathering::total`] passed.
    TimedOut,
}

/// The messages that answer one request.
pub(crate) struct Answers<S> {
    subject: String,
    messages: S,
    gathering: Gathering,
    sent: Instant,
    /// The arrival of the last answer.
    last: Option<Instant>,
    count: usize,
    end: GatheringEnd,
}

impl Gathering {
    /// Waits for `servers` answers, at most for the time `total`.
    pub const fn expecting(servers: NonZeroUsize, total: Duration) -> Self {
        Self {
            servers: Some(servers),
            quiet: None,
            total,
        }
    }

    /// Waits until no other answer has arrived for the time `quiet`, at most for the time `total`.
    pub const fn until_quiet(quiet: Duration, total: Duration) -> Self {
        Self {
            servers: None,
            quiet: Some(quiet),
            total,
        }
    }
}

impl Default for Gathering {
    fn default() -> Self {
        Self::until_quiet(Duration::from_millis(500), Duration::from_secs(5))
    }
}

impl<S: futures::Stream<Item = Message> + Unpin> Answers<S> {
    /// Sends a request, and listens for its answers.
    ///
    /// # Errors
    ///
    /// Fails if the connection is closed for good, or the request is too large.
    pub(crate) async fn to<N: Nats<Subscription = S>>(
        nats: &N,
        subject: String,
        body: Vec<u8>,
        gathering: Gathering,
    ) -> Result<Self, SystemError> {
        let inbox = nats.new_inbox();
        let messages = nats.subscribe(inbox.clone().into()).await;
        let messages = messages.map_err(|source| SystemError::Subscribe {
            subject: inbox.clone(),
            source,
        })?;
        let published = nats.publish_with_reply(subject.clone().into(), inbox.into(), body.into());
        published.await.map_err(|source| SystemError::Publish {
            subject: subject.clone(),
            source,
        })?;
        Ok(Self {
            subject,
            messages,
            gathering,
            sent: Instant::now(),
            last: None,
            count: 0,
            end: GatheringEnd::TimedOut,
        })
    }

    /// Waits for the next answer. Returns `None` once the gathering has ended.
    ///
    /// # Errors
    ///
    /// Fails if no server receives the request, or the connection is closed for good.
    pub(crate) async fn next(&mut self) -> Result<Option<Message>, SystemError> {
        let enough = self.gathering.servers.map(NonZeroUsize::get);
        if enough.is_some_and(|enough| self.count >= enough) {
            self.end = GatheringEnd::Complete;
            return Ok(None);
        }
        let total = self.sent + self.gathering.total;
        let quiet = self.last.zip(self.gathering.quiet);
        let quiet = quiet
            .map(|(last, quiet)| last + quiet)
            .filter(|quiet| *quiet < total);
        match timeout_at(quiet.unwrap_or(total), self.messages.next()).await {
            Err(_) => {
                self.end = quiet.map_or(GatheringEnd::TimedOut, |_| GatheringEnd::Quiet);
                Ok(None)
            }
            Ok(None) => Err(SystemError::Closed {
                subject: self.subject.clone(),
            }),
            Ok(Some(message)) if message.status == Some(StatusCode::NO_RESPONDERS) => {
                Err(SystemError::NoResponders {
                    subject: self.subject.clone(),
                })
            }
            Ok(Some(message)) => {
                self.last = Some(Instant::now());
                self.count = self.count.saturating_add(1);
                Ok(Some(message))
            }
        }
    }

    /// Returns the time between the request and the last answer.
    pub(crate) fn elapsed(&self) -> Duration {
        let last = self.last.map(|last| last.duration_since(self.sent));
        last.unwrap_or_default()
    }

    /// Returns the condition that ended the wait.
    pub(crate) const fn end(&self) -> GatheringEnd {
        self.end
    }
}
