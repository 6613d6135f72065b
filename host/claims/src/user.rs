//! User JWTs: what a permit becomes.

mod template;

use std::mem;
use std::time::Duration;

use portcullis_core::{Permit, ResponsePermission, SubjectPermission, TimeRange};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::jwt::{Body, Claims, FirstVersion, VERSION};
use crate::keys::KeyKind;
use crate::lenient::{comma_separated, is_empty, or_default};

pub use template::{PermissionRules, UserTemplate};

/// No limit, where the server expects a number.
pub(crate) const UNLIMITED: i64 = -1;

/// The claims of a user JWT. Made by [`UserClaims::from_permit`].
pub type UserClaims = Claims<UserBody>;

/// What a user may do, as the server reads it. Field by field `User` of nats-io/jwt v2.8.2.
///
/// Servers do not enforce all of it on users that come through the callout: see each field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserBody {
    /// Publish permissions.
    #[serde(rename = "pub", deserialize_with = "or_default")]
    pub publish: SubjectRule,
    /// Subscribe permissions.
    #[serde(rename = "sub", deserialize_with = "or_default")]
    pub subscribe: SubjectRule,
    /// Permission to reply.
    #[serde(rename = "resp", skip_serializing_if = "is_empty")]
    pub responses: Option<ResponseRule>,
    /// Networks the user may come from, as CIDR. Checked for form only on callout users.
    #[serde(rename = "src", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "comma_separated")]
    pub sources: Vec<String>,
    /// When in a day the user may be connected.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub times: Vec<TimeRule>,
    /// The time zone of `times`, by its IANA name; none is the server's own.
    #[serde(skip_serializing_if = "is_empty")]
    pub times_location: Option<String>,
    /// Most subscriptions; -1 is unlimited. Not enforced on callout users.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub subs: i64,
    /// Most bytes; -1 is unlimited. Not enforced on callout users.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub data: i64,
    /// Largest message in bytes; -1 is unlimited. Not enforced on callout users.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub payload: i64,
    /// Whether the token is good without a signed nonce. Irrelevant for callout users.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub bearer_token: bool,
    /// Whether the user has to come through a trusted proxy (servers from 2.12).
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub proxy_required: bool,
    /// `STANDARD`, `WEBSOCKET` and so on; none is any. Not enforced on callout users.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub allowed_connection_types: Vec<String>,
    /// The account the issuer signs for (operator mode). Servers in config mode refuse it.
    #[serde(skip_serializing_if = "is_empty")]
    pub issuer_account: Option<String>,
    /// Tags.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub tags: Vec<String>,
    #[serde(rename = "type", skip_serializing_if = "is_empty")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "is_empty")]
    version: Option<i64>,
}

/// Allowed and denied subjects of one side. To a server, nothing allowed means everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubjectRule {
    /// Allowed subjects.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub allow: Vec<String>,
    /// Denied subjects.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub deny: Vec<String>,
}

/// Permission to reply. Zeroes mean the server's defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResponseRule {
    /// How many replies to one message.
    #[serde(deserialize_with = "or_default")]
    pub max: i64,
    /// For how long after the message, in nanoseconds.
    #[serde(deserialize_with = "or_default")]
    pub ttl: i64,
}

/// A part of the day, `HH:MM:SS` each. One that ends before it starts goes over midnight.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeRule {
    /// When it begins.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub start: String,
    /// When it ends.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub end: String,
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
                sources: texts(&permit.sources),
                times: permit.times.iter().map(Into::into).collect(),
                times_location: permit.times_location.clone(),
                subs: UNLIMITED,
                data: UNLIMITED,
                payload: UNLIMITED,
                proxy_required: permit.proxy_required,
                allowed_connection_types: texts(&permit.connection_types),
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

    /// The same user in operator mode, where the account is the signer's and not named in the audience:
    /// without `issuer_account` the signer is the account's own key, with it (`A…`) a signing key of that account.
    #[must_use]
    pub fn in_operator_mode(mut self, issuer_account: Option<&str>) -> Self {
        self.audience = None;
        self.nats.issuer_account = issuer_account.map(str::to_owned);
        self
    }

    /// The same user for a scoped signing key, whose template says what the user may do: without permissions
    /// and limits, which servers refuse beside it ("scoped users require no permissions or limits set"). Name,
    /// tags, expiry and issuer account stay.
    ///
    /// **What the permit granted or denied is gone**: only for permits that leave permissions to the template.
    #[must_use]
    pub fn scoped(mut self) -> Self {
        self.nats = UserBody {
            issuer_account: self.nats.issuer_account,
            tags: self.nats.tags,
            kind: self.nats.kind,
            version: self.nats.version,
            ..UserBody::default()
        };
        self
    }
}

impl UserBody {
    /// Whether there is neither permission nor limit, not even an unlimited one: what servers demand of users
    /// that a scoped signing key signed (`HasEmptyPermissions` of nats-io/jwt v2).
    pub fn is_bare(&self) -> bool {
        let Self {
            publish,
            subscribe,
            responses,
            sources,
            times,
            times_location,
            subs,
            data,
            payload,
            bearer_token,
            proxy_required,
            allowed_connection_types,
            issuer_account: _,
            tags: _,
            kind: _,
            version: _,
        } = self;
        publish.is_empty()
            && subscribe.is_empty()
            && responses.is_none()
            && sources.is_empty()
            && times.is_empty()
            && times_location.as_deref().is_none_or(str::is_empty)
            && [*subs, *data, *payload] == [0; 3]
            && !*bearer_token
            && !*proxy_required
            && allowed_connection_types.is_empty()
    }
}

impl Body for UserBody {
    const KIND: &'static str = "user";
    const ISSUERS: &'static [KeyKind] = &[KeyKind::Account];
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

    /// A limit that version 1 left out is no limit.
    fn migrate(&mut self, old: FirstVersion) {
        let limit = |name, read| match old.nats.get(name) {
            None | Some(Value::Null) => UNLIMITED,
            Some(_) => read,
        };
        *self = Self {
            subs: limit("subs", self.subs),
            data: limit("data", self.data),
            payload: limit("payload", self.payload),
            proxy_required: false,
            allowed_connection_types: Vec::new(),
            issuer_account: old.issuer_account.filter(|account| !account.is_empty()),
            tags: old.tags,
            kind: old.kind,
            version: Some(1),
            ..mem::take(self)
        };
    }
}

impl SubjectRule {
    /// Whether nothing is allowed or denied, which to a server is everything allowed.
    pub fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }
}

impl From<SubjectPermission> for SubjectRule {
    fn from(permission: SubjectPermission) -> Self {
        Self {
            allow: texts(&permission.allow),
            deny: texts(&permission.deny),
        }
    }
}

impl From<&TimeRange> for TimeRule {
    fn from(range: &TimeRange) -> Self {
        Self {
            start: range.start().to_string(),
            end: range.end().to_string(),
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

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// Longer than the 292 years a server can count is as good as that.
fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
