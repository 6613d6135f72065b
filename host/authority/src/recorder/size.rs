//! The size of a record in memory.

use portcullis_core::{AuthorizationRequest, Decision, Outcome, Secret};

use super::options::RecordedFacts;

/// Approximate size of a record in memory in addition to its texts, in bytes.
const BASE: usize = 1 << 10;

/// Returns the approximate size of the record of a login in memory, in bytes.
pub(super) fn size(
    request: &AuthorizationRequest,
    decision: &Decision,
    facts: RecordedFacts,
) -> usize {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let (client, identity) = (&request.client, &request.identity);
    let mut size = BASE
        + length(&request.credentials.username)
        + length(&client.user)
        + length(&client.name)
        + length(&client.mqtt_id)
        + length(&identity.principal)
        + length(&identity.issuer);
    match &decision.outcome {
        Outcome::Permit(permit) => {
            let permissions = permit.permissions();
            for side in [&permissions.publish, &permissions.subscribe] {
                let subjects = side.allow.iter().chain(&side.deny);
                size += subjects
                    .map(|subject| subject.as_str().len() + 32)
                    .sum::<usize>();
            }
        }
        Outcome::Deny(denial) => size += denial.reason.len(),
    }
    for step in &decision.steps {
        size += 256
            + step
                .asked
                .iter()
                .map(|asked| asked.len() + 32)
                .sum::<usize>();
    }
    if facts == RecordedFacts::All {
        // Claims and certificates are at most as long as the texts that the client presented.
        let secret = |secret: &Option<Secret>| secret.as_ref().map_or(0, |it| it.expose().len());
        let credentials = &request.credentials;
        size += secret(&credentials.token) + secret(&credentials.jwt);
        size += secret(&credentials.password);
        let chains = client.tls.iter().flat_map(|tls| &tls.chains).flatten();
        size += chains.map(String::len).sum::<usize>();
    }
    size
}
