//! Exactly one reply.

use std::sync::Arc;

use async_nats::Subject;
use bytes::Bytes;

use crate::outbox::{Outbox, Outgoing};

/// The right to answer one request, once.
///
/// A second reply is at best ignored, a third blocks the server's read loop for good: so answering consumes the token, and
/// it cannot be cloned. Dropping it unanswered leaves the client to the server's timeout.
#[derive(Debug)]
pub(crate) struct ReplyToken {
    outbox: Arc<Outbox>,
    subject: Subject,
}

/// The reply could not be handed to the connection.
#[derive(Debug, thiserror::Error)]
#[error("cannot send the reply")]
pub(crate) struct ReplyError(#[source] async_nats::PublishError);

impl ReplyToken {
    pub(crate) const fn new(outbox: Arc<Outbox>, subject: Subject) -> Self {
        Self { outbox, subject }
    }

    /// Whether this looks like a subject a server waits on. Answers to requests that cannot be trusted go nowhere else: whoever
    /// made the request chose the subject.
    pub(crate) fn is_inbox(&self) -> bool {
        self.subject.starts_with("$SYS._INBOX.") || self.subject.starts_with("_INBOX.")
    }

    /// The most bytes the server takes in one message (`max_payload`).
    pub(crate) fn largest(&self) -> usize {
        self.outbox.client().max_payload()
    }

    /// Answers with an authorization response, encrypted or not, or with nothing as [`refuse`](Self::refuse) does, perhaps together with
    /// other replies. `then` is told what became of it.
    pub(crate) async fn respond(
        self,
        response: Option<Bytes>,
        then: impl FnOnce(Result<(), ReplyError>) + Send + 'static,
    ) {
        let reply = Outgoing {
            subject: self.subject,
            body: response.unwrap_or_default(),
            then: Box::new(|sent| then(sent.map_err(ReplyError))),
        };
        self.outbox.send(reply).await;
    }

    /// Answers with an empty body, which servers read as a refusal without reason.
    pub(crate) async fn refuse(self) -> Result<(), ReplyError> {
        self.outbox
            .client()
            .publish(self.subject, Bytes::new())
            .await
            .map_err(ReplyError)
    }
}
