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
use crate::subjects::AUTH_REQUESTS;

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

/// What a service says of itself (`Participation::word`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It answers logins and can be relied on.
    Yes,
    /// It answers logins and denies them.
    Denying,
    /// It does not answer logins.
    No,
}

/// Whether another service of the account answers logins, as far as the host can find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// At least one does.
    TakePart,
    /// None does.
    Absent,
    /// The host cannot ask, or hears no answer, not even its own.
    Unknown,
}

/// Asks the services of the account whether `counts` holds for the word of another one than
/// `own_id`. The queue group does not matter: servers ask a service of another group about every
/// login too.
pub(super) async fn others(client: &Client, own_id: &str, counts: fn(Word) -> bool) -> Others {
    let mut heard = false;
    let asked = ask(client, own_id, counts, &mut heard);
    match timeout(PATIENCE, asked).await {
        Ok(others) => others,
        Err(_) if heard => Others::Absent,
        Err(_) => Others::Unknown,
    }
}

/// Returns at the first service that counts, and waits for ever while others may follow. Sets
/// `heard` at the first answer.
async fn ask(client: &Client, own_id: &str, counts: fn(Word) -> bool, heard: &mut bool) -> Others {
    let inbox = client.new_inbox();
    let Ok(mut answers) = client.subscribe(inbox.clone()).await else {
        return Others::Unknown;
    };
    let asked = client
        .publish_with_reply(SERVICE_INFO, inbox, Bytes::new())
        .await;
    if asked.is_err() {
        return Others::Unknown;
    }
    while let Some(answer) = answers.next().await {
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return Others::Absent;
        }
        *heard = true;
        let info = serde_json::from_slice::<Info>(&answer.payload);
        if info.is_ok_and(|info| info.id != own_id && counts(info.word())) {
            return Others::TakePart;
        }
    }
    Others::Unknown
}

impl Info {
    /// A service that does not say whether it takes part is of another make and does as long as it runs.
    fn word(&self) -> Word {
        let endpoints = self.endpoints.iter().flatten();
        let mut subjects = endpoints.map(|endpoint| endpoint.subject.as_str());
        let metadata = self.metadata.as_ref();
        let word = metadata.and_then(|metadata| metadata.get(PARTICIPATING));
        if !subjects.any(|subject| subject == AUTH_REQUESTS) {
            return Word::No;
        }
        match word.map(String::as_str) {
            None | Some("yes") => Word::Yes,
            Some("denying") => Word::Denying,
            Some(_) => Word::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(metadata: &str, subject: &str) -> Word {
        let text = format!(
            r#"{{"id":"other","metadata":{metadata},"endpoints":[{{"name":"auth","subject":"{subject}"}}]}}"#
        );
        let info: Info = serde_json::from_str(&text).unwrap();
        info.word()
    }

    #[test]
    fn a_service_counts_if_it_answers_logins_and_does_not_say_otherwise() {
        assert_eq!(word(r#"{"participating":"yes"}"#, AUTH_REQUESTS), Word::Yes);
        assert_eq!(word("null", AUTH_REQUESTS), Word::Yes);
        assert_eq!(word(r#"{"participating":"no"}"#, AUTH_REQUESTS), Word::No);
        assert_eq!(
            word(r#"{"participating":"denying"}"#, AUTH_REQUESTS),
            Word::Denying
        );
        assert_eq!(word("null", "app.echo"), Word::No);
    }
}
