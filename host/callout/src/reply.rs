//! The reply to a request, which is sent at most once.

use std::sync::Arc;

use bytes::Bytes;
use portcullis_connect::{Nats, PublishError, Subject};

use crate::reply_batcher::{Outgoing, ReplyBatcher};

/// The right to answer one request, once.
///
/// A server ignores a second reply at best, and a third blocks its read loop for good. Answering
/// therefore consumes the token, which cannot be cloned. If the token is dropped unanswered, the
/// client waits for the server's timeout.
#[derive(Debug)]
pub(crate) struct ReplyToken<N> {
    batcher: Arc<ReplyBatcher<N>>,
    subject: Subject,
}

/// The failure to hand a reply to the connection.
#[derive(Debug, thiserror::Error)]
#[error("cannot send the reply")]
pub(crate) struct ReplyError(#[source] PublishError);

/// The prefix of the inboxes on which servers wait for replies (`InboxPrefix` in nats-server).
const SERVER_INBOX: &str = "$SYS._INBOX.";

/// The prefix of reply subjects that gateways route. The hashes of a cluster and a server follow,
/// then the subject itself. Servers remove the prefix before clients see it, except on some paths
/// through leafnodes.
const ROUTED: &str = "_GR_.";

impl<N: Nats> ReplyToken<N> {
    pub(crate) const fn new(batcher: Arc<ReplyBatcher<N>>, subject: Subject) -> Self {
        Self { batcher, subject }
    }

    /// Returns whether the reply goes to a server, which shows that a server sent the message.
    ///
    /// Servers keep users from publishing on the callout subject. A user can still have a stream
    /// deliver messages there, with a reply subject on which the user can listen. Only servers ask
    /// for replies on server inboxes.
    pub(crate) fn is_for_server(&self) -> bool {
        is_server_inbox(&self.subject)
    }

    /// Returns the subject of the reply.
    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the maximum size of a message that the server takes (`max_payload`), in bytes.
    pub(crate) fn largest(&self) -> usize {
        self.batcher.client().max_payload()
    }

    /// Answers with an authorization response, encrypted or not. Without a response, the body is
    /// empty. The batcher may send the answer with other replies. `then` receives the result.
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
        self.batcher.send(reply).await;
    }

    /// Answers with an empty body, which servers read as a refusal without a reason.
    pub(crate) async fn refuse(self) -> Result<(), ReplyError> {
        self.batcher
            .client()
            .publish(self.subject, Bytes::new())
            .await
            .map_err(ReplyError)
    }
}

/// Returns whether a reply subject is an inbox of a server, with or without a gateway's prefix.
fn is_server_inbox(subject: &str) -> bool {
    let routed = subject.strip_prefix(ROUTED);
    let reply = match routed {
        None => Some(subject),
        Some(rest) => rest.splitn(3, '.').nth(2),
    };
    reply.is_some_and(|reply| reply.starts_with(SERVER_INBOX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_inbox_of_a_server_is_one() {
        for inbox in [
            "$SYS._INBOX.8TGDhmBZ.iYqKRtXc",
            "_GR_.Ds7kY1.h4KmQa.$SYS._INBOX.8TGDhmBZ.iYqKRtXc",
        ] {
            assert!(is_server_inbox(inbox), "{inbox}");
        }
        for other in [
            "_INBOX.8TGDhmBZ.iYqKRtXc",
            "$JS.ACK.S.C.1.1.1.1.0",
            "_R_.AbCdEf.GhIjKl",
            "$SYS._INBOX_.8TGDhmBZ",
            "x.$SYS._INBOX.8TGDhmBZ.iYqKRtXc",
            "_GR_.Ds7kY1.h4KmQa.$JS.ACK.S.C.1.1.1.1.0",
            "_GR_.$SYS._INBOX.8TGDhmBZ.iYqKRtXc",
            "_GR_.a.b._GR_.c.d.$SYS._INBOX.8TGDhmBZ.iYqKRtXc",
            "",
        ] {
            assert!(!is_server_inbox(other), "{other}");
        }
    }
}
