//! Logins as JSON, in the vocabulary of policy tests.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_core::{
    AuthorizationRequest, BucketName, FixedKeyValues, KeyValues, LoginFacts, LookUpError,
};
use serde_json::Value;

use super::problem::TestProblem;
use super::{format, login};
use crate::complaint::complaint;

/// A login that a description in the vocabulary of `[tests.login]` amounts to.
#[derive(Clone, Debug)]
pub struct DescribedLogin {
    /// The request.
    pub request: AuthorizationRequest,
    /// Whether the description says what the host found out about the client (`identity` or
    /// `certificate`). If not, the identity is what the credentials claim.
    pub is_identified: bool,
    /// The values of the described buckets. Any other bucket is not synchronised.
    pub key_values: Arc<dyn KeyValues>,
}

/// A problem of a description. No message shows a value, which may be a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionProblem {
    /// The JSON is not a login in the format of policy tests.
    #[error("{0}")]
    Format(String),
    /// No login has these values.
    #[error(transparent)]
    Login(TestProblem),
}

impl DescribedLogin {
    /// Reads the description of a login that the host receives at `now`, in seconds since the Unix
    /// epoch.
    ///
    /// # Errors
    ///
    /// Fails if `description` is not in the format of policy tests, or if no login has its values.
    pub fn read(description: Value, now: u64) -> Result<Self, DescriptionProblem> {
        let login: format::Login = serde_json::from_value(description)
            .map_err(|error| DescriptionProblem::Format(complaint(&error.to_string())))?;
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
            request: login::request(login, now)?,
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
            Err(LookUpError::NotSynchronised(bucket.clone()))
        }
    }
}

/// Returns the facts about a login in the vocabulary of policy tests, without its secrets:
/// password, token, user JWT and signature.
pub fn describe(request: &AuthorizationRequest) -> Value {
    // Texts, numbers and claims always become JSON.
    serde_json::to_value(LoginFacts::all(request)).unwrap_or_default()
}
