//! The endpoint that answers questions for records.

use std::sync::Arc;

use async_nats::{Client, HeaderMap};
use futures::StreamExt as _;
use portcullis_core::with_causes;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tracing::{debug, info, warn};

use super::newest::LiveRecords;

/// The headers of an error of a service (ADR-32).
const ERROR: &str = "Nats-Service-Error";
const ERROR_CODE: &str = "Nats-Service-Error-Code";

/// The code of a question that cannot be read.
const BAD_REQUEST: &str = "400";

/// Answers questions on `subject` once `connected` has a client, for as long as the connection
/// lives. One question is answered after the other, so that callers cannot occupy the host.
pub(crate) async fn serve(
    live: Arc<LiveRecords>,
    subject: String,
    connected: oneshot::Receiver<Client>,
) {
    let Ok(client) = connected.await else {
        // The host stops before it was connected.
        return;
    };
    let mut questions = match client.subscribe(subject.clone()).await {
        Ok(questions) => questions,
        Err(error) => {
            let error = with_causes(&error);
            warn!(
                records.subject = subject,
                error, "questions for decision records are not answered"
            );
            return;
        }
    };
    info!(
        records.subject = subject,
        "questions for decision records are answered"
    );
    while let Some(question) = questions.next().await {
        let Some(reply) = question.reply.filter(|reply| is_inbox(reply)) else {
            debug!("question for decision records without an inbox");
            continue;
        };
        let max_payload = client.server_info().max_payload;
        let live = Arc::clone(&live);
        // Filters read each record.
        let answering = spawn_blocking(move || live.answer(&question.payload, max_payload));
        let sent = match answering.await {
            Ok(Ok(page)) => client.publish(reply, page.into()).await,
            Ok(Err(error)) => {
                let mut headers = HeaderMap::new();
                headers.insert(ERROR_CODE, BAD_REQUEST);
                headers.insert(ERROR, error.as_str());
                client
                    .publish_with_headers(reply, headers, Vec::new().into())
                    .await
            }
            Err(error) => {
                warn!(
                    error = with_causes(&error),
                    "question for decision records not answered"
                );
                continue;
            }
        };
        if let Err(error) = sent {
            let error = with_causes(&error);
            debug!(error, "question for decision records not answered");
        }
    }
}

/// Returns whether a caller waits for answers on `reply`. On another subject, the host would speak
/// in the caller's place: it may publish where the caller may not.
fn is_inbox(reply: &str) -> bool {
    let first = reply.split('.').next().unwrap_or_default();
    // Servers give a question from another account a subject that begins with `_R_`.
    first.starts_with("_INBOX") || first == "_R_"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_inboxes_are_answered() {
        for reply in ["_INBOX.a.b", "_INBOX_desk.a", "_R_.x.y"] {
            assert!(is_inbox(reply), "{reply}");
        }
        for reply in [
            "$SYS._INBOX.a",
            "$JS.API.STREAM.DELETE.KV_a",
            "portcullis.logins.APP",
            "a._INBOX",
            "",
        ] {
            assert!(!is_inbox(reply), "{reply}");
        }
    }
}
