//! User JWTs: what a permit becomes.

use std::time::Duration;

use portcullis_core::{PermissionSubject, Permit, ResponsePermission, SubjectPermission};
use serde::{Deserialize, Serialize};

use crate::jwt::{Body, Claims, VERSION};
use crate::keys::KeyKind;

/// No limit, where the server expects a number.
const UNLIMITED: i64 = -1;

/// The claims of a user JWT. Made by [`UserClaims::from_permit`].
pub type UserClaims = Claims<UserBody>;

/// What a user may do, as the server reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserBody {
    /// Publish permissions.
    #[serde(rename = "pub", skip_serializing_if = "SubjectRule::is_empty")]
    pub publish: SubjectRule,
    /// Subscribe permissions.
    #[serde(rename = "sub", skip_serializing_if = "SubjectRule::is_empty")]
    pub subscribe: SubjectRule,
    /// Permission to reply.
    #[serde(rename = "resp", skip_serializing_if = "Option::is_none")]
    pub responses: Option<ResponseRule>,
    /// Most subscriptions. Always unlimited: servers do not enforce it on callout users.
    pub subs: i64,
    /// Most bytes. Always unlimited, as `subs`.
    pub data: i64,
    /// Largest message in bytes. Always unlimited, as `subs`.
    pub payload: i64,
    /// The account the issuer signs for (operator mode). Never written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_account: Option<String>,
    /// Tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    version: Option<i64>,
}

/// Allowed and denied subjects of one side. To a server, nothing allowed means everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubjectRule {
    /// Allowed subjects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// Denied subjects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

/// Permission to reply. Zeroes mean the server's defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResponseRule {
    /// How many replies to one message.
    pub max: i64,
    /// For how long after the message, in nanoseconds.
    pub ttl: i64,
}

impl UserClaims {
    /// The claims of the user `user_nkey` that `permit` lets in, made at `issued_at` (seconds since the Unix
    /// epoch). Config mode: the audience is the account's name.
    pub fn from_permit(user_nkey: &str, permit: &Permit, issued_at: u64) -> Self {
        // Closed once more: an open side would be an open door.
        let permissions = permit.permissions.clone().closed();
        Self {
            audience: Some(permit.account.clone()),
            expires_at: permit.expires_at,
            issued_at: Some(issued_at),
            name: permit.user_name.clone(),
            subject: Some(user_nkey.to_owned()),
            nats: UserBody {
                publish: permissions.publish.into(),
                subscribe: permissions.subscribe.into(),
                responses: permissions.responses.map(Into::into),
                subs: UNLIMITED,
                data: UNLIMITED,
                payload: UNLIMITED,
                tags: permit.tags.clone(),
                kind: Some(UserBody::KIND.to_owned()),
                version: Some(VERSION),
                ..UserBody::default()
            },
            ..Self::default()
        }
    }

    /// Adds tags, as those that say which policy decided.
    #[must_use]
    pub fn with_tags(mut self, tags: impl IntoIterator<Item = String>) -> Self {
        self.nats.tags.extend(tags);
        self
    }
}

impl Body for UserBody {
    const KIND: &'static str = "user";
    const ISSUER: KeyKind = KeyKind::Account;

    fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    fn version(&self) -> Option<i64> {
        self.version
    }
}

impl SubjectRule {
    fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }
}

impl From<SubjectPermission> for SubjectRule {
    fn from(permission: SubjectPermission) -> Self {
        let texts = |subjects: Vec<PermissionSubject>| {
            subjects
                .iter()
                .map(|subject| subject.as_str().to_owned())
                .collect()
        };
        Self {
            allow: texts(permission.allow),
            deny: texts(permission.deny),
        }
    }
}

impl From<ResponsePermission> for ResponseRule {
    fn from(permission: ResponsePermission) -> Self {
        Self {
            max: permission.max.into(),
            ttl: nanoseconds(permission.ttl),
        }
    }
}

/// Longer than the 292 years a server can count is as good as that.
fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
