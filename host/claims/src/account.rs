//! Account JWTs: the limits of an account, and the keys that sign for it.

mod limits;
mod shares;
mod signing_keys;

use std::collections::BTreeMap;
use std::mem;

use serde::{Deserialize, Serialize};

use crate::jwt::{Claims, Envelope, Fields, FirstVersion};
use crate::keys::KeyKind;
use crate::lenient::{is_empty, or_default};
use crate::user::PermissionRules;

pub use limits::{AccountLimits, JetStreamLimits};
pub use shares::{Export, Import, LatencySampling, ServiceLatency, ShareKind};
pub use signing_keys::{ScopeKind, SigningKeys, UserScope};

/// The claims of an account JWT. [`AccountClaims::new`] makes them.
pub type AccountClaims = Claims<AccountBody>;

/// The object under `nats` in an account JWT.
pub type AccountBody = Envelope<AccountFields>;

/// The fields of an account JWT: those of `Account` in nats-io/jwt v2.8.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountFields {
    /// Imports from other accounts. Sorted by subject when signed.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub imports: Vec<Import>,
    /// Exports to other accounts. Sorted by subject when signed.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub exports: Vec<Export>,
    /// Limits that the operator grants. All zero in self-signed accounts.
    #[serde(deserialize_with = "limits::read")]
    pub limits: AccountLimits,
    /// Keys that sign in the account's name, plain or bound to a role.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub signing_keys: SigningKeys,
    /// Revoked users (`U…`, or `*` for all). Their tokens issued up to the given time, in seconds
    /// since the Unix epoch, are void.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub revocations: BTreeMap<String, i64>,
    /// Permissions of users that have none of their own.
    #[serde(deserialize_with = "or_default")]
    pub default_permissions: PermissionRules,
    /// Subject mappings: the destinations of messages that are published to a subject.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub mappings: BTreeMap<String, Vec<WeightedMapping>>,
    /// Auth callout in operator mode.
    #[serde(deserialize_with = "or_default")]
    pub authorization: ExternalAuthorization,
    /// Message tracing.
    #[serde(skip_serializing_if = "is_empty")]
    pub trace: Option<MessageTrace>,
    /// Account that carries the traffic between servers: `system` or `owner`. Empty stands for
    /// `system`.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub cluster_traffic: String,
    /// Description for humans.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub description: String,
    /// URL with more information about the account.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub info_url: String,
}

/// A destination of a mapped subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WeightedMapping {
    /// Subject of the destination.
    #[serde(deserialize_with = "or_default")]
    pub subject: String,
    /// Share of the messages, in percent. 0 stands for 100.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub weight: u8,
    /// Cluster that the destination applies to. Empty stands for any cluster.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub cluster: String,
}

/// Auth callout of an account. Active once it lists a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExternalAuthorization {
    /// Users (`U…`) that log in without auth callout: the services that answer requests.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub auth_users: Vec<String>,
    /// Further accounts (`A…`, or a single `*` for any) that users may be placed in.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub allowed_accounts: Vec<String>,
    /// Public xkey (`X…`) to which requests are sealed. Empty for plain requests.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub xkey: String,
}

/// The destination and rate of an account's message traces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MessageTrace {
    /// Subject to which traces are published.
    #[serde(rename = "dest", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub destination: String,
    /// Percentage of messages that are traced. 0 stands for 100.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub sampling: i64,
}

impl AccountClaims {
    /// Returns the claims of the account `public_key` (`A…`), issued at `issued_at` (seconds since
    /// the Unix epoch). Nothing is limited, but `JetStream` is off.
    pub fn new(public_key: &str, issued_at: u64) -> Self {
        Self {
            subject: Some(public_key.to_owned()),
            issued_at: Some(issued_at),
            nats: AccountBody::from(AccountFields {
                limits: AccountLimits::unlimited(),
                ..AccountFields::default()
            }),
            ..Self::default()
        }
    }
}

impl Fields for AccountFields {
    const KIND: &'static str = "account";
    const ISSUERS: &'static [KeyKind] = &[KeyKind::Account, KeyKind::Operator];
    const SUBJECT: Option<KeyKind> = Some(KeyKind::Account);
    const HAS_FIRST_VERSION: bool = true;

    fn sort(&mut self) {
        self.exports.sort_by(|a, b| a.subject.cmp(&b.subject));
        self.imports.sort_by(|a, b| a.subject.cmp(&b.subject));
    }

    fn migrate(&mut self, _kind: Option<&str>, _old: &FirstVersion) {
        let first = mem::take(self);
        *self = Self {
            imports: first.imports,
            exports: first.exports,
            limits: AccountLimits {
                jetstream: JetStreamLimits::default(),
                tiers: BTreeMap::new(),
                ..first.limits
            },
            signing_keys: first.signing_keys,
            revocations: first.revocations,
            ..Self::default()
        };
    }
}
