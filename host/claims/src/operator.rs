//! Operator JWTs: the root of trust of a NATS system in operator mode.

use std::mem;

use serde::{Deserialize, Serialize};

use crate::jwt::{Claims, Envelope, Fields, FirstVersion};
use crate::keys::KeyKind;
use crate::lenient::{is_empty, or_default};

/// The claims of an operator JWT. [`OperatorClaims::new`] makes them.
pub type OperatorClaims = Claims<OperatorBody>;

/// The object under `nats` in an operator JWT.
pub type OperatorBody = Envelope<OperatorFields>;

/// The fields of an operator JWT: those of `Operator` in nats-io/jwt v2.8.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OperatorFields {
    /// Further operator keys (`O…`) that sign in the operator's name.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub signing_keys: Vec<String>,
    /// URL that serves account JWTs. Empty if there is none.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub account_server_url: String,
    /// URLs at which tools reach the servers.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub operator_service_urls: Vec<String>,
    /// System account, `A…`. Empty if there is none.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub system_account: String,
    /// Oldest server version that may be used, `MAJOR.MINOR.PATCH`. Empty for any.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub assert_server_version: String,
    /// Whether only signing keys may sign accounts.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub strict_signing_key_usage: bool,
}

impl OperatorClaims {
    /// Returns the claims of the operator `public_key` (`O…`), issued at `issued_at` (seconds since
    /// the Unix epoch).
    pub fn new(public_key: &str, issued_at: u64) -> Self {
        Self {
            subject: Some(public_key.to_owned()),
            issued_at: Some(issued_at),
            ..Self::default()
        }
    }
}

impl Fields for OperatorFields {
    const KIND: &'static str = "operator";
    const ISSUERS: &'static [KeyKind] = &[KeyKind::Operator];
    const SUBJECT: Option<KeyKind> = Some(KeyKind::Operator);
    const HAS_FIRST_VERSION: bool = true;

    fn migrate(&mut self, _kind: Option<&str>, _old: &FirstVersion) {
        let first = mem::take(self);
        *self = Self {
            signing_keys: first.signing_keys,
            account_server_url: first.account_server_url,
            operator_service_urls: first.operator_service_urls,
            system_account: first.system_account,
            ..Self::default()
        };
    }
}
