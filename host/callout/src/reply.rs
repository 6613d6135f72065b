//! Exactly one reply.

use std::sync::Arc;

use async_nats::{Client, Subject};
use bytes::Bytes;

/// The right to answer one request, once.
///
/// A second reply is at best ignored, a third blocks the server's read loop for good: so answering consumes the token, and
/// it cannot be cloned. Dropping it unanswered leaves the client to the server's timeout.
#[derive(Debug)]
pub(crate) struct ReplyToken {
    client: Arc<Client>,
    subject: Subject,
}

/// The reply could not be handed to the connection.
#[derive(Debug, thiserror::Error)]
#[error("cannot send the reply")]
pub(crate) struct ReplyError(#[source] async_nats::PublishError);

impl ReplyToken {
    pub(crate) const fn new(client: Arc<Client>, subject: Subject) -> Self {
        Self { client, subject }
    }

    /// Whether this looks like a subject a server waits on. Answers to requests that cannot be trusted go nowhere else: whoever
    /// made the request chose the subject.
    pub(crate) fn is_inbox(&self) -> bool {
        self.subject.starts_with("$SYS._INBOX.") || self.subject.starts_with("_INBOX.")
    }

    /// The most bytes the server takes in one message (`max_payload`).
    pub(crate) fn largest(&self) -> usize {
        self.client.max_payload()
    }

    /// Answers with an authorization response, encrypted or not.
    pub(crate) async fn respond(self, response: Bytes) -> Result<(), ReplyError> {
        self.send(response).await
    }

    /// Answers with an empty body, which servers read as a refusal without reason.
    pub(crate) async fn refuse(self) -> Result<(), ReplyError> {
        self.send(Bytes::new()).await
    }

    async fn send(self, body: Bytes) -> Result<(), ReplyError> {
        self.client
            .publish(self.subject, body)
            .await
            .map_err(ReplyError)
    }
}
