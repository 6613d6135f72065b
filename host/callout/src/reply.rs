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

/// How the inboxes on which servers wait for replies begin (`InboxPrefix` in nats-server).
const SERVER_INBOX: &str = "$SYS._INBOX.";

/// How replies begin that gateways route: the hashes of a cluster and a server follow, and then the reply itself. Servers
/// take it off before clients see it, except on some ways through leafnodes.
const ROUTED: &str = "_GR_.";

impl ReplyToken {
    pub(crate) const fn new(outbox: Arc<Outbox>, subject: Subject) -> Self {
        Self { outbox, subject }
    }

    /// Returns whether the reply goes to a server, which is what makes a message a request of a server.
    ///
    /// Servers keep users from publishing on the callout subject, but not from having a stream deliver there: the reply
    /// subject of such a message is one that the user can hear. Only servers ask for replies on an inbox of theirs.
    pub(crate) fn is_for_server(&self) -> bool {
        is_server_inbox(&self.subject)
    }

    /// Returns where the reply goes.
    pub(crate) fn subject(&self) -> &str {
        &self.subject
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

/// Returns whether a reply subject is an inbox of a server, perhaps routed by a gateway.
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
