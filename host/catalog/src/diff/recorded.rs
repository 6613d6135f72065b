//! Recorded decisions: logins of the past that two versions are compared with.
//!
//! A record has facts and no secrets. A version that compares a password could only deny such a
//! login. So the engine of a comparison takes the password of a recorded login as the right one
//! ([`RecordedSecrets`]).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use portcullis_core::{Asker, FixedKeyValues, HashError, Method, Secret, SecretVerifier};
use serde_json::{Deserializer, Map, Value};

use crate::assertions::LoginSample;
use crate::lines::line_at;
use crate::policy_tests::{DescribedLogin, DescriptionProblem, NOW};

/// The password in place of the one that the client presented.
const PASSWORD: &str = "portcullis-recorded";

/// The logins of recorded decisions, each once.
#[derive(Clone, Debug, Default)]
pub struct RecordedLogins(Vec<(String, LoginSample)>);

/// A problem of a file with recorded decisions.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct RecordError {
    line: usize,
    problem: RecordProblem,
}

/// A problem of one record. No message shows a value of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordProblem {
    /// The record is not JSON.
    #[error("column {column}: expected JSON objects, one after the other")]
    Json {
        /// Column of the error, counted from 1.
        column: usize,
    },
    /// The record is no object.
    #[error(
        "expected a decision of `portcullis decide --json`, or a login in the format of policy tests"
    )]
    NoRecord,
    /// The record describes no login.
    #[error("{place}{problem}")]
    Login {
        /// `login.` for a record of a decision, which has the login under that key. Empty for a
        /// login alone.
        place: &'static str,
        /// The problem of the login.
        #[source]
        problem: DescriptionProblem,
    },
}

/// A verifier that takes the password of a recorded login as the right one, and leaves every other
/// comparison to another verifier.
pub struct RecordedSecrets(pub Arc<dyn SecretVerifier>);

impl RecordedLogins {
    /// Reads decisions as `portcullis decide --json` prints them, or logins in the format of policy
    /// tests: JSON objects, one after the other.
    ///
    /// # Errors
    ///
    /// Fails if the text is not such a list.
    pub fn read(text: &str) -> Result<Self, RecordError> {
        let mut logins = Vec::new();
        let mut known = BTreeSet::new();
        // Editors on Windows write a byte order mark.
        let text = text.trim_start_matches('\u{feff}');
        let mut records = Deserializer::from_str(text).into_iter::<Value>();
        loop {
            let rest = text.get(records.byte_offset()..).unwrap_or_default();
            let start = text.len().saturating_sub(rest.trim_start().len());
            let Some(record) = records.next() else {
                return Ok(Self(logins));
            };
            let failed = |problem| {
                let line = line_at(text, start);
                RecordError { line, problem }
            };
            let record = record.map_err(|error| RecordError {
                line: error.line(),
                problem: RecordProblem::Json {
                    column: error.column(),
                },
            })?;
            let is_record = record.get("login").is_some();
            let place = if is_record { "login." } else { "" };
            let (login, now) = login(record).ok_or_else(|| failed(RecordProblem::NoRecord))?;
            if known.insert(Value::Object(login.clone()).to_string()) {
                let sample = sample(login, now);
                let sample =
                    sample.map_err(|problem| failed(RecordProblem::Login { place, problem }))?;
                logins.push((name(&sample, logins.len()), sample));
            }
        }
    }

    /// Returns the logins, with names.
    pub(super) fn logins(&self) -> impl Iterator<Item = (String, LoginSample)> {
        self.0.iter().cloned()
    }
}

/// Returns the login of a record, and the time of its decision.
fn login(record: Value) -> Option<(Map<String, Value>, u64)> {
    let Value::Object(mut record) = record else {
        return None;
    };
    match record.remove("login") {
        Some(Value::Object(login)) => {
            let time = record.get("received-at").and_then(Value::as_u64);
            Some((login, time.unwrap_or(NOW)))
        }
        Some(_) => None,
        None => Some((record, NOW)),
    }
}

fn sample(mut login: Map<String, Value>, now: u64) -> Result<LoginSample, DescriptionProblem> {
    let has_buckets = login.contains_key("key-value");
    let method = login
        .get("identity")
        .and_then(|identity| identity.get("method"));
    if method.is_some_and(|method| method == Method::Password.as_str()) {
        login.entry("password").or_insert_with(|| PASSWORD.into());
    }
    let described = DescribedLogin::read_record(login, now)?;
    Ok(LoginSample {
        request: Arc::new(described.request),
        key_values: if has_buckets {
            described.key_values
        } else {
            Arc::new(FixedKeyValues::default().others_are_empty())
        },
    })
}

fn name(sample: &LoginSample, before: usize) -> String {
    let number = before.saturating_add(1);
    let method = sample.request.identity.method.as_str();
    match &sample.request.identity.principal {
        Some(principal) => format!("recorded login {number}: `{principal}` by {method}"),
        None => format!("recorded login {number}, by {method}"),
    }
}

impl fmt::Debug for RecordedSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RecordedSecrets")
    }
}

impl SecretVerifier for RecordedSecrets {
    fn matches(
        &self,
        secret: &Secret,
        hash: &str,
        asker: Asker<'_>,
        deadline: Instant,
    ) -> Result<bool, HashError> {
        if secret.expose() == PASSWORD {
            return self.0.check(hash).map(|()| true);
        }
        self.0.matches(secret, hash, asker, deadline)
    }

    fn check(&self, hash: &str) -> Result<(), HashError> {
        self.0.check(hash)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy_tests::describe;

    /// Returns a decision as `decide --json` prints it.
    fn decision(username: &str) -> Value {
        let login = json!({ "username": username, "password": "hunter2", "client": { "id": 7 } });
        let login = DescribedLogin::read(login, 7).unwrap().request;
        json!({ "outcome": {}, "login": describe(&login), "received-at": 1_900_000_000 })
    }

    #[test]
    fn decisions_and_logins_are_read_one_after_the_other_and_once() {
        let text = format!(
            "{:#}\n{}\n{}\n{}",
            decision("alice"),
            decision("bob"),
            decision("alice"),
            r#"{ "identity": { "method": "oidc", "principal": "eve", "proved": true, "issuer": "https://idp" } }"#
        );
        let logins: Vec<_> = RecordedLogins::read(&text).unwrap().logins().collect();
        let names: Vec<_> = logins.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "recorded login 1: `alice` by password",
            "recorded login 2: `bob` by password",
            "recorded login 3: `eve` by oidc",
        ];
        assert_eq!(names, expected);
        let (_, alice) = &logins[0];
        assert_eq!(alice.request.received_at, 1_900_000_000);
        assert_eq!(alice.request.client.id, 7);
        let password = alice.request.credentials.password.as_ref();
        assert_eq!(password.map(Secret::expose), Some(PASSWORD));
        let bucket = "revoked".parse().unwrap();
        assert_eq!(alice.key_values.get(&bucket, "alice").unwrap(), None);
    }

    #[test]
    fn a_file_of_an_editor_on_windows_is_read() {
        let text = "\u{feff}{\r\n \"username\": \"alice\" }\r\n\r\n{ \"username\": \"bob\" }\r\n";
        let logins = RecordedLogins::read(text).unwrap();
        assert_eq!(logins.logins().count(), 2);
    }

    #[test]
    fn a_login_by_certificate_is_read_without_the_certificate() {
        let record = json!({
            "login": { "identity": {
                "method": "certificate", "principal": "CN=a", "proved": true, "issuer": "CN=ca",
                "expires-at": 1_900_000_060,
            } },
            "received-at": 1_900_000_000,
        });
        let logins = RecordedLogins::read(&record.to_string()).unwrap();
        let (name, login) = logins.logins().next().unwrap();
        assert_eq!(name, "recorded login 1: `CN=a` by certificate");
        let leaf = login.request.identity.certificate.as_ref().unwrap();
        assert_eq!((leaf.verified, leaf.subject.as_str()), (true, "CN=a"));
    }

    #[test]
    fn the_line_of_a_wrong_record_is_told_and_no_value_of_it() {
        for (wrong, line, problem) in [
            ("[]", 3, "expected a decision of"),
            ("{ \"login\": \"hunter2\" }", 3, "expected a decision of"),
            ("{ \"pasword\": \"hunter2\" }", 3, "unknown field `pasword`"),
            ("{\n \"username\": hunter2 }", 4, "column 14: "),
            (
                r#"{ "login": { "client": { "id": "hunter2" } } }"#,
                3,
                "login.client.id: expected a whole number that is not negative, found a string",
            ),
            (
                r#"{ "login": { "identity": { "method": "oidc" } } }"#,
                3,
                ": login.identity: the host takes a token only if",
            ),
            (
                r#"{ "nkey": 7 }"#,
                3,
                ": nkey: expected a string, found a whole number",
            ),
        ] {
            let text = format!("{}\n\n{wrong}", decision("alice"));
            let error = RecordedLogins::read(&text).unwrap_err();
            let said = error.to_string();
            assert!(said.starts_with(&format!("line {line}: ")), "{said}");
            assert!(
                said.contains(problem) && !said.contains("hunter2"),
                "{said}"
            );
        }
    }
}
