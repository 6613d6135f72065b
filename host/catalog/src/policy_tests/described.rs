//! Logins as JSON, in the vocabulary of policy tests.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_core::{
    AuthorizationRequest, BucketName, FixedKeyValues, KeyValues, LoginFacts, LookUpError,
};
use portcullis_toml::Complaint;
use serde_json::{Map, Value};

use super::problem::TestProblem;
use super::record::add_certificate;
use super::{format, login};

/// A login that a description in the vocabulary of `[tests.login]` amounts to.
#[derive(Clone, Debug)]
pub struct DescribedLogin {
    /// The request.
    pub request: AuthorizationRequest,
    /// Whether the description says what the host found out about the client (`identity` or
    /// `certificate`). If not, the identity is what the credentials claim.
    pub is_identified: bool,
    /// The values of the described buckets. A look-up in any other bucket fails.
    pub key_values: Arc<dyn KeyValues>,
}

/// A problem of a description. No message shows a value, which may be a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionProblem {
    /// The JSON is not a login in the format of policy tests.
    #[error("{0}")]
    Format(Complaint),
    /// No login has these values. Its message has that of the problem, so it has no source.
    #[error("{}", of_login(.0))]
    Login(TestProblem),
}

/// Returns the message of a problem in a file that is one login. Its keys stand at the top.
fn of_login(problem: &TestProblem) -> String {
    let problem = problem.to_string();
    let inside = problem.strip_prefix("login.");
    inside.unwrap_or(&problem).to_owned()
}

impl DescribedLogin {
    /// Reads the description of a login that the host receives at `now`, in seconds since the Unix
    /// epoch.
    ///
    /// # Errors
    ///
    /// Fails if `description` is not in the format of policy tests, or if no login has its values.
    pub fn read(description: Value, now: u64) -> Result<Self, DescriptionProblem> {
        let described = Self::read_recorded(description, now)?;
        login::check(&described.request).map_err(DescriptionProblem::Login)?;
        Ok(described)
    }

    /// Reads the login of a recorded decision. A record may leave the certificate out; the login
    /// then has one with the name, the issuer and the end of the recorded identity, over TLS 1.3.
    ///
    /// # Errors
    ///
    /// Fails as [`DescribedLogin::read`] does.
    pub fn read_record(
        mut login: Map<String, Value>,
        now: u64,
    ) -> Result<Self, DescriptionProblem> {
        add_certificate(&mut login);
        Self::read(Value::Object(login), now)
    }

    /// Reads the description of a login that a host has received. Such a login was possible, so its
    /// facts are not compared.
    pub(crate) fn read_recorded(description: Value, now: u64) -> Result<Self, DescriptionProblem> {
        let login = serde_path_to_error::deserialize(description);
        let login = login.map_err(|error| {
            let (path, message) = (error.path().to_string(), error.inner().to_string());
            DescriptionProblem::Format(Complaint::new(&path, &message))
        })?;
        Self::new(login, now).map_err(DescriptionProblem::Login)
    }

    fn new(mut login: format::Login, now: u64) -> Result<Self, TestProblem> {
        let is_identified = login.identity.is_some() || login.certificate.is_some();
        let buckets = login.key_value.keys().chain(&login.key_value_unavailable);
        let buckets = buckets.map(|name| name.parse::<BucketName>());
        let named = buckets.collect::<Result<_, _>>();
        let key_values = DescribedBuckets {
            named: named.map_err(TestProblem::Bucket)?,
            content: login::key_values(&mut login)?,
        };
        Ok(Self {
            request: login::unchecked(login, now)?,
            is_identified,
            key_values: Arc::new(key_values),
        })
    }
}

/// The buckets of a description.
#[derive(Debug)]
struct DescribedBuckets {
    named: BTreeSet<BucketName>,
    content: FixedKeyValues,
}

impl KeyValues for DescribedBuckets {
    fn serves(&self, bucket: &BucketName) -> bool {
        self.content.serves(bucket)
    }

    fn get(&self, bucket: &BucketName, key: &str) -> Result<Option<Arc<str>>, LookUpError> {
        if self.named.contains(bucket) {
            self.content.get(bucket, key)
        } else {
            Err(LookUpError::NotDescribed {
                bucket: bucket.clone(),
                key: key.to_owned(),
            })
        }
    }
}

/// Returns the facts about a login in the vocabulary of policy tests, without its secrets:
/// password, token, user JWT and signature.
pub fn describe(request: &AuthorizationRequest) -> Value {
    // Texts, numbers and claims always become JSON.
    serde_json::to_value(LoginFacts::all(request)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(description: Value) -> String {
        let problem = DescribedLogin::read(description, super::super::NOW);
        problem
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_wrong_value_is_named_with_its_path() {
        for (description, expected) in [
            (
                json!({ "client": { "id": "7" } }),
                "client.id: expected a whole number that is not negative, found a string",
            ),
            (
                json!({ "identity": { "method": "oidc", "groups": ["a", 7] } }),
                "identity.groups[1]: expected a string, found a whole number",
            ),
            (
                json!({ "key-value": { "users": { "a": 7 } } }),
                "key-value.users.a: expected a string, found a whole number",
            ),
            (
                json!({ "clinet": {} }),
                "unknown field `clinet`, did you mean `client`?",
            ),
            (
                json!({ "client": { "hots": "x" } }),
                "client: unknown field `hots`, did you mean `host`?",
            ),
            (
                json!({ "identity": { "method": "openid" } }),
                "identity.method: expected one of `password`",
            ),
            (
                json!({ "identity": { "method": "oidc" } }),
                "identity: the host takes a token only if",
            ),
            (
                json!({ "server": { "id": "N" } }),
                "server.id: not a public nkey",
            ),
        ] {
            let found = problem(description.clone());
            assert!(found.contains(expected), "{description}: {found}");
            assert!(!found.starts_with("login."), "{found}");
        }
    }

    #[test]
    fn a_bucket_that_is_not_described_says_what_to_describe() {
        let described = DescribedLogin::read(json!({ "key-value": { "users": {} } }), 7).unwrap();
        let get = |bucket: &str| described.key_values.get(&bucket.parse().unwrap(), "alice");
        assert_eq!(get("users"), Ok(None));
        assert_eq!(
            get("revoked").unwrap_err().to_string(),
            "bucket `revoked` is not described, and no server is asked: in the file with the login, add \
             `\"key-value\": { \"revoked\": { \"alice\": \"VALUE\" } }`, or `{}` for an empty bucket"
        );
    }
}
