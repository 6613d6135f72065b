//! A decision record as a test of a policy.

use portcullis_core::{DecisionRecord, RecordedAccess, RecordedSubjects};
use portcullis_toml::text::quoted;
use serde_json::{Map, Value};

use super::format::TestFile;
use super::record::{add_certificate, unrecorded};
use super::update::list;

/// The password in place of the one that the client presented.
const PASSWORD: &str = "portcullis-recorded";

/// A test that was made from a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedTest {
    /// The test, as an entry `[[tests]]` of `NAME.tests.toml`.
    pub text: String,
    /// What the record does not have, or what may differ, in sentences.
    pub notes: Vec<String>,
}

/// A reason why a record is no test.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// The record does not say that the policy was asked.
    #[error("the record has no answer of a policy `{0}`: name one with `--policy` that was asked")]
    NotAsked(String),
    /// The policy failed, which no test can expect.
    #[error("policy `{0}` did not answer, and no test can expect that")]
    Failed(String),
    /// The facts of the record are not those of a login.
    #[error("the record is not in the format of this version: {0}")]
    Format(String),
}

/// Returns the test of `policy`, or of the policy that decided, that expects what the policy
/// answered.
///
/// # Errors
///
/// Fails if the policy was not asked, or gave no answer.
pub fn pin(record: &DecisionRecord, policy: Option<&str>) -> Result<PinnedTest, PinError> {
    let decided = record.policy.as_ref().map(|policy| policy.name.as_str());
    let name = policy.or(decided).unwrap_or_default();
    let answers = record.policies.iter();
    let answer = answers
        .rev()
        .find(|answer| answer.policy.name == name)
        .ok_or_else(|| PinError::NotAsked(name.to_owned()))?;
    let mut notes = Vec::new();
    let expected = match (answer.answer.as_str(), &record.access, &record.reason) {
        ("permit", Some(access), _) if decided == Some(name) => {
            notes.push(
                "the record has the permit after the host's rules: if a ceiling changed it, `portcullis policy test --update` writes the policy's own"
                    .to_owned(),
            );
            permit(access)
        }
        ("permit", ..) => return Err(PinError::NotAsked(name.to_owned())),
        ("deny", _, Some(reason)) => format!("deny = {}", quoted(reason)),
        ("abstain", ..) => "abstain = true".to_owned(),
        _ => return Err(PinError::Failed(name.to_owned())),
    };
    let facts = serde_json::to_value(&record.login);
    let Ok(Value::Object(facts)) = facts else {
        return Err(PinError::Format("its login is no object".to_owned()));
    };
    notes.extend(missing(&facts, &answer.asked));
    let login = login(facts, &record.login.identity.method);
    let title = format!("recorded {}", record.id);
    let text = format!(
        "\n[[tests]]\nname = {}\nnow = {}\nlogin = {login}\n{expected}\n",
        quoted(&title),
        record.received_at
    );
    let parsed = TestFile::parse(&text);
    parsed.map_err(|(_, message)| PinError::Format(message))?;
    Ok(PinnedTest { text, notes })
}

/// Returns the sentences about facts that the policy asked for and the record does not have.
fn missing(login: &Map<String, Value>, asked: &[String]) -> Vec<String> {
    let mut notes = Vec::new();
    let unknown = unrecorded(login, asked);
    if !unknown.is_empty() {
        notes.push(format!(
            "the policy asked for {}, which the record lacks: add them, or set `facts = \"all\"` under [records]",
            unknown.join(", ")
        ));
    }
    if asked.iter().any(|question| question.contains("matches")) {
        notes.push(format!(
            "no record has a password or token: the test has `{PASSWORD}` in the place of it"
        ));
    }
    let look_ups = asked.iter().filter(|it| it.starts_with("key-value."));
    let look_ups: Vec<_> = look_ups.cloned().collect();
    if !look_ups.is_empty() {
        notes.push(format!(
            "the policy looked up {}: describe the buckets under `login.key-value`",
            look_ups.join(", ")
        ));
    }
    notes
}

/// Returns the facts of a login by `method` as an inline table.
fn login(mut facts: Map<String, Value>, method: &str) -> String {
    let secret = match method {
        "password" => Some("password"),
        "token" => Some("token"),
        "jwt" => Some("jwt"),
        _ => None,
    };
    if let Some(secret) = secret {
        facts.insert(secret.to_owned(), PASSWORD.into());
    }
    // A client has presented the certificate that the record leaves out.
    add_certificate(&mut facts);
    inline(&Value::Object(facts))
}

/// Returns a JSON value as TOML on one line, without members that are `null`.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = present(members);
            let members: Vec<_> = members
                .map(|(key, value)| format!("{} = {}", bare(key), inline(value)))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(items) => {
            let items = items.iter().filter(|item| !item.is_null());
            let items: Vec<_> = items.map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

fn present(members: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    members.iter().filter(|(_, value)| !value.is_null())
}

/// Returns a key as TOML has it, in quotes unless it is a plain word.
fn bare(key: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !key.is_empty() && key.bytes().all(is_plain) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

/// Returns the expected permit.
fn permit(access: &RecordedAccess) -> String {
    let mut keys = vec![format!("account = {}", quoted(&access.account))];
    let sides = [
        ("publish", &access.publish),
        ("subscribe", &access.subscribe),
    ];
    keys.extend(
        sides
            .into_iter()
            .filter_map(|(name, side)| subjects(name, side)),
    );
    if let Some(replies) = access.responses {
        let (max, ttl) = (replies.max, replies.ttl_ms);
        keys.push(format!("responses = {{ max = {max}, ttl-ms = {ttl} }}"));
    }
    if let Some(role) = &access.role {
        keys.push(format!("role = {}", quoted(role)));
    }
    if let Some(user) = &access.user_name {
        keys.push(format!("user-name = {}", quoted(user)));
    }
    format!("permit = {{ {} }}", keys.join(", "))
}

/// Returns one side of the permissions. `None` if it allows nothing.
fn subjects(name: &str, side: &RecordedSubjects) -> Option<String> {
    if side.allow.is_empty() {
        return None;
    }
    let allow = list(&side.allow);
    Some(if side.deny.is_empty() {
        format!("{name} = {{ allow = {allow} }}")
    } else {
        format!(
            "{name} = {{ allow = {allow}, deny = {} }}",
            list(&side.deny)
        )
    })
}

#[cfg(test)]
mod tests;
