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
pub const PARTICIPATING: &str = "participating";

/// Timeout of a question to other services.
const PATIENCE: Duration = Duration::from_millis(700);

/// A service of the account, as it describes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct FoundService {
    /// Unique id of the process.
    pub id: String,
    /// Name of the service, the same for all its processes.
    #[serde(default)]
    pub name: String,
    /// Release of the service.
    #[serde(default)]
    pub version: String,
    /// Facts that the service states. A host states its participation and its policies.
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Subjects that the service answers.
    #[serde(default)]
    pub endpoints: Option<Vec<ServiceEndpoint>>,
}

/// A subject that a service answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ServiceEndpoint {
    /// The subject.
    pub subject: String,
    /// The queue group in which the service receives requests.
    #[serde(default)]
    pub queue_group: String,
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

/// Returns the services of the account that answer logins. `None` if no service answers, or if the
/// connection does not carry the question. Waits for the whole time that services have for answers.
pub async fn find_services(client: &impl Nats) -> Option<Vec<FoundService>> {
    let mut answers = answers(client).await?;
    let (mut found, mut heard) = (Vec::new(), false);
    let listen = async {
        while let Some(answer) = answers.next().await {
            if answer.status == Some(StatusCode::NO_RESPONDERS) {
                heard = true;
                return;
            }
            let service = serde_json::from_slice::<FoundService>(&answer.payload);
            heard = true;
            found.extend(service.ok().filter(FoundService::answers_logins));
        }
    };
    // Services answer for as long as the question lasts; the end of the wait is no failure.
    let _ = timeout(PATIENCE, listen).await;
    heard.then_some(found)
}

/// Asks the services of the account to describe themselves. `None` if the connection does not carry
/// the question.
async fn answers<N: Nats>(client: &N) -> Option<N::Subscription> {
    let inbox = client.new_inbox();
    let answers = client.subscribe(inbox.clone().into()).await.ok()?;
    let asked = client
        .publish_with_reply(SERVICE_INFO.into(), inbox.into(), Bytes::new())
        .await;
    asked.ok().map(|()| answers)
}

/// Returns at the first service that counts. Otherwise waits without end, because others may
/// follow. Sets `heard` at the first answer.
async fn ask(
    client: &impl Nats,
    own_id: &str,
    counts: fn(Word) -> bool,
    heard: &mut bool,
) -> Others {
    let Some(mut answers) = answers(client).await else {
        return Others::Unknown;
    };
    while let Some(answer) = answers.next().await {
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return Others::Absent;
        }
        *heard = true;
        let info = serde_json::from_slice::<FoundService>(&answer.payload);
        if info.is_ok_and(|info| info.id != own_id && counts(info.word())) {
            return Others::TakePart;
        }
    }
    Others::Unknown
}

impl FoundService {
    /// Returns whether the service answers logins.
    pub fn answers_logins(&self) -> bool {
        self.login_endpoint().is_some()
    }

    /// Returns the endpoint on which the service answers logins.
    pub fn login_endpoint(&self) -> Option<&ServiceEndpoint> {
        let mut endpoints = self.endpoints.iter().flatten();
        endpoints.find(|endpoint| endpoint.subject == AUTH_REQUESTS)
    }

    /// Returns what the service states under `key`.
    pub fn fact(&self, key: &str) -> Option<&str> {
        let metadata = self.metadata.as_ref();
        metadata
            .and_then(|metadata| metadata.get(key))
            .map(String::as_str)
    }

    /// Returns the participation that the service reports. A service without such a report is not a
    /// host of this project, and counts as answering logins.
    fn word(&self) -> Word {
        if !self.answers_logins() {
            return Word::No;
        }
        match self.fact(PARTICIPATING) {
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
        let info: FoundService = serde_json::from_str(&text).unwrap();
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
