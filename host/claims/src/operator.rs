//! Operator JWTs: the root of trust of a NATS system in operator mode.

use std::mem;

use serde::{Deserialize, Serialize};

use crate::jwt::{Body, Claims, FirstVersion, VERSION};
use crate::keys::KeyKind;
use crate::lenient::{is_empty, or_default};

/// The claims of an operator JWT. [`OperatorClaims::new`] makes them.
pub type OperatorClaims = Claims<OperatorBody>;

/// The object under `nats` in an operator JWT. Its fields are those of `Operator` in nats-io/jwt
/// v2.8.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OperatorBody {
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
    /// Tags of the operator.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub tags: Vec<String>,
    #[serde(rename = "type", skip_serializing_if = "is_empty")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "is_empty")]
    version: Option<i64>,
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

impl Body for OperatorBody {
    const KIND: &'static str = "operator";
    const ISSUERS: &'static [KeyKind] = &[KeyKind::Operator];
    const SUBJECT: Option<KeyKind> = Some(KeyKind::Operator);
    const HAS_FIRST_VERSION: bool = true;

    fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    fn version(&self) -> Option<i64> {
        self.version
    }

    fn stamp(&mut self) {
        self.kind = Some(Self::KIND.to_owned());
        self.version = Some(VERSION);
    }

    fn migrate(&mut self, old: FirstVersion) {
        let first = mem::take(self);
        *self = Self {
            signing_keys: first.signing_keys,
            account_server_url: first.account_server_url,
            operator_service_urls: first.operator_service_urls,
            system_account: first.system_account,
            tags: old.tags,
            kind: old.kind,
            version: Some(1),
            ..Self::default()
        };
    }
}
