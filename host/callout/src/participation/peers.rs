//! Other services that answer logins, found through service discovery (ADR-32).

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use portcullis_connect::{Nats, StatusCode};
use serde::Deserialize;
use tokio::time::timeout;

use crate::permissions::SERVICE_INFO;
use crate::subjects::AUTH_REQUESTS;

/// The metadata key that tells other hosts whether they can rely on this one: `yes`, `denying` or
/// `no`.
pub(crate) const PARTICIPATING: &str = "participating";

/// Timeout of a question to other services.
const PATIENCE: Duration = Duration::from_millis(700);

/// The fields of an answer that the host reads.
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

/// The participation of a service, as the service reports it (`Participation::word`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The service answers logins, and other hosts can rely on it.
    Yes,
    /// The service answers logins and denies them.
    Denying,
    /// The service does not answer logins.
    No,
}

/// Whether another service of the account answers logins, as far as the host can find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// At least one other service answers logins.
    TakePart,
    /// No other service answers logins.
    Absent,
    /// The host cannot ask, or receives no answer, not even its own.
    Unknown,
}

/// Asks the services of the account. Returns whether `counts` holds for the word of a service other
/// than `own_id`. The queue group does not matter, because servers also send every login to
/// services of other groups.
pub(super) async fn others(client: &impl Nats, own_id: &str, counts: fn(Word) -> bool) -> Others {
    let mut heard = false;
    let asked = ask(client, own_id, counts, &mut heard);
    match timeout(PATIENCE, asked).await {
        Ok(others) => others,
        Err(_) if heard => Others::Absent,
        Err(_) => Others::Unknown,
    }
}

/// Returns at the first service that counts. Otherwise waits without end, because others may
/// follow. Sets `heard` at the first answer.
async fn ask(
    client: &impl Nats,
    own_id: &str,
    counts: fn(Word) -> bool,
    heard: &mut bool,
) -> Others {
    let inbox = client.new_inbox();
    let Ok(mut answers) = client.subscribe(inbox.clone().into()).await else {
        return Others::Unknown;
    };
    let asked = client
        .publish_with_reply(SERVICE_INFO.into(), inbox.into(), Bytes::new())
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
    /// Returns the participation that the service reports. A service without such a report is not a
    /// host of this project, and counts as answering logins.
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
