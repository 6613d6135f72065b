//! Account JWTs: what an account may do, and who may sign for it.

mod limits;
mod shares;
mod signing_keys;

use std::collections::BTreeMap;
use std::mem;

use serde::{Deserialize, Serialize};

use crate::jwt::{Body, Claims, FirstVersion, VERSION};
use crate::keys::KeyKind;
use crate::lenient::{is_empty, or_default};
use crate::user::PermissionRules;

pub use limits::{AccountLimits, JetStreamLimits};
pub use shares::{Export, Import, LatencySampling, ServiceLatency, ShareKind};
pub use signing_keys::{ScopeKind, SigningKeys, UserScope};

/// The claims of an account JWT. Made by [`AccountClaims::new`].
pub type AccountClaims = Claims<AccountBody>;

/// What stands under `nats` in an account JWT. Field by field `Account` of nats-io/jwt v2.8.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountBody {
    /// What the account uses of other accounts. In order of subject, once signed.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub imports: Vec<Import>,
    /// What the account offers to other accounts. In order of subject, once signed.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub exports: Vec<Export>,
    /// What the operator grants. Empty in accounts that signed themselves.
    #[serde(deserialize_with = "limits::read")]
    pub limits: AccountLimits,
    /// Keys that sign in the account's name, plain or bound to a role.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub signing_keys: SigningKeys,
    /// Users (`U…`, or `*` for all) whose tokens up to a time, in seconds since the Unix epoch, are void.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub revocations: BTreeMap<String, i64>,
    /// Permissions of users that have none of their own.
    #[serde(deserialize_with = "or_default")]
    pub default_permissions: PermissionRules,
    /// Where messages published to a subject really go.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub mappings: BTreeMap<String, Vec<WeightedMapping>>,
    /// Auth callout in operator mode.
    #[serde(deserialize_with = "or_default")]
    pub authorization: ExternalAuthorization,
    /// Message tracing.
    #[serde(skip_serializing_if = "is_empty")]
    pub trace: Option<MessageTrace>,
    /// Which account carries the traffic between servers: `system`, `owner`, or empty for the former.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub cluster_traffic: String,
    /// A description for people.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub description: String,
    /// Where more is written about the account.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub info_url: String,
    /// Tags.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub tags: Vec<String>,
    #[serde(rename = "type", skip_serializing_if = "is_empty")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "is_empty")]
    version: Option<i64>,
}

/// One of the subjects that a mapped subject leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WeightedMapping {
    /// The subject.
    #[serde(deserialize_with = "or_default")]
    pub subject: String,
    /// Its share in percent; 0 is 100.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub weight: u8,
    /// The cluster it is for; empty is any.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub cluster: String,
}

/// Auth callout of an account. In force as soon as there is one user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExternalAuthorization {
    /// The users (`U…`) that log in without callout: the services that answer it.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub auth_users: Vec<String>,
    /// The accounts (`A…`, or only `*` for any) that users may be placed in, besides this one.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub allowed_accounts: Vec<String>,
    /// The public xkey (`X…`) requests are sealed to; empty for plain requests.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub xkey: String,
}

/// Where traces of an account's messages go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MessageTrace {
    /// The subject they are published to.
    #[serde(rename = "dest", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub destination: String,
    /// How many of a hundred messages are traced; 0 is all.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub sampling: i64,
}

impl AccountClaims {
    /// The claims of the account `public_key` (`A…`), made at `issued_at` (seconds since the Unix epoch): nothing
    /// is limited, except that there is no `JetStream`.
    pub fn new(public_key: &str, issued_at: u64) -> Self {
        Self {
            subject: Some(public_key.to_owned()),
            issued_at: Some(issued_at),
            nats: AccountBody {
                limits: AccountLimits::unlimited(),
                ..AccountBody::default()
            },
            ..Self::default()
        }
    }
}

impl Body for AccountBody {
    const KIND: &'static str = "account";
    const ISSUERS: &'static [KeyKind] = &[KeyKind::Account, KeyKind::Operator];
    const SUBJECT: Option<KeyKind> = Some(KeyKind::Account);
    const HAS_FIRST_VERSION: bool = true;

    fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    fn version(&self) -> Option<i64> {
        self.version
    }

    fn stamp(&mut self) {
        self.exports.sort_by(|a, b| a.subject.cmp(&b.subject));
        self.imports.sort_by(|a, b| a.subject.cmp(&b.subject));
        self.kind = Some(Self::KIND.to_owned());
        self.version = Some(VERSION);
    }

    fn migrate(&mut self, old: FirstVersion) {
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
            tags: old.tags,
            kind: old.kind,
            version: Some(1),
            ..Self::default()
        };
    }
}
