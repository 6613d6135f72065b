//! Other services that answer logins, found as NATS tools find them.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::{Client, StatusCode};
use bytes::Bytes;
use futures::StreamExt;
use serde::Deserialize;
use tokio::time::timeout;

use crate::discovery::PARTICIPATING;
use crate::permissions::SERVICE_INFO;
use crate::service::SUBJECT;

/// How long answers are waited for.
const PATIENCE: Duration = Duration::from_millis(700);

/// The part of an answer that matters here.
#[derive(Debug, Deserialize)]
struct Info {
    id: String,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    endpoints: Option<Vec<Endpoint>>,
}

#[derive(Debug, Deserialize)]
struct Endpoint {
    subject: String,
}

/// Asks the services of the account whether another one than `own_id` takes part. The queue group does not matter: a
/// service of another group is asked about every login too.
pub(super) async fn another_takes_part(client: &Client, own_id: &str) -> bool {
    timeout(PATIENCE, ask(client, own_id))
        .await
        .unwrap_or(false)
}

/// Returns `true` at the first such answer, and waits for ever while others may follow.
async fn ask(client: &Client, own_id: &str) -> bool {
    let inbox = client.new_inbox();
    let Ok(mut answers) = client.subscribe(inbox.clone()).await else {
        return false;
    };
    let asked = client
        .publish_with_reply(SERVICE_INFO, inbox, Bytes::new())
        .await;
    if asked.is_err() {
        return false;
    }
    while let Some(answer) = answers.next().await {
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return false;
        }
        let info = serde_json::from_slice::<Info>(&answer.payload);
        if info.is_ok_and(|info| info.takes_part(own_id)) {
            return true;
        }
    }
    false
}

impl Info {
    /// A service that does not say whether it takes part is of another make and does as long as it runs.
    fn takes_part(&self, own_id: &str) -> bool {
        let endpoints = self.endpoints.iter().flatten();
        let mut subjects = endpoints.map(|endpoint| endpoint.subject.as_str());
        let metadata = self.metadata.as_ref();
        let word = metadata.and_then(|metadata| metadata.get(PARTICIPATING));
        self.id != own_id
            && subjects.any(|subject| subject == SUBJECT)
            && word.is_none_or(|word| word == "yes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes_part(metadata: &str, subject: &str) -> bool {
        let text = format!(
            r#"{{"id":"other","metadata":{metadata},"endpoints":[{{"name":"auth","subject":"{subject}"}}]}}"#
        );
        let info: Info = serde_json::from_str(&text).unwrap();
        info.takes_part("own")
    }

    #[test]
    fn a_service_counts_if_it_answers_logins_and_does_not_say_otherwise() {
        assert!(takes_part(r#"{"participating":"yes"}"#, SUBJECT));
        assert!(takes_part("null", SUBJECT));
        assert!(!takes_part(r#"{"participating":"no"}"#, SUBJECT));
        assert!(!takes_part(r#"{"participating":"denying"}"#, SUBJECT));
        assert!(!takes_part("null", "app.echo"));
    }

    #[test]
    fn a_host_is_no_other_host() {
        let text = format!(r#"{{"id":"own","endpoints":[{{"subject":"{SUBJECT}"}}]}}"#);
        let info: Info = serde_json::from_str(&text).unwrap();
        assert!(!info.takes_part("own"));
        assert!(info.takes_part("another"));
    }
}
