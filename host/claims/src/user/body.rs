//! The object under `nats` in a user JWT.

use std::mem;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rules::{ResponseRule, SubjectRule, TimeRule};
use super::values::UNLIMITED;
use crate::jwt::{Envelope, Fields, FirstVersion};
use crate::keys::KeyKind;
use crate::lenient::{comma_separated, is_empty, or_default};

/// The object under `nats` in a user JWT.
pub type UserBody = Envelope<UserFields>;

/// The permissions and limits of a user, as the server reads them. The fields are those of `User`
/// in nats-io/jwt v2.8.2.
///
/// Servers do not enforce all fields on users of auth callout: see each field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserFields {
    /// Publish permissions.
    #[serde(rename = "pub", deserialize_with = "or_default")]
    pub publish: SubjectRule,
    /// Subscribe permissions.
    #[serde(rename = "sub", deserialize_with = "or_default")]
    pub subscribe: SubjectRule,
    /// Permission to reply.
    #[serde(rename = "resp", skip_serializing_if = "is_empty")]
    pub responses: Option<ResponseRule>,
    /// Networks that the user may come from, in CIDR notation. Servers before 2.14.10 and 2.15.3
    /// check only the form for users of auth callout.
    #[serde(rename = "src", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "comma_separated")]
    pub sources: Vec<String>,
    /// Times of day at which the user may be connected.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub times: Vec<TimeRule>,
    /// Time zone of `times`, by its IANA name. `None` selects the server's own.
    #[serde(skip_serializing_if = "is_empty")]
    pub times_location: Option<String>,
    /// Maximum number of subscriptions; -1 is unlimited. Enforced on users of auth callout from
    /// 2.14.10 and 2.15.3 on.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub subs: i64,
    /// Maximum number of bytes; -1 is unlimited. Not enforced on users of auth callout.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub data: i64,
    /// Maximum size of a message, in bytes; -1 is unlimited. Enforced on users of auth callout from
    /// 2.14.10 and 2.15.3 on.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub payload: i64,
    /// Whether the token is valid without a signed nonce. Irrelevant for users of auth callout.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub bearer_token: bool,
    /// Whether the user has to connect through a trusted proxy. Enforced from 2.12.0 on.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub proxy_required: bool,
    /// Connection types, such as `STANDARD` and `WEBSOCKET`; empty for any. Enforced on users of
    /// auth callout from 2.14.9 and 2.15.2 on.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub allowed_connection_types: Vec<String>,
    /// Account that the issuer signs for (operator mode). Servers in config mode refuse it.
    #[serde(skip_serializing_if = "is_empty")]
    pub issuer_account: Option<String>,
}

impl UserFields {
    /// Returns the fields of a new user as tools write them: no limits, and no permissions of its
    /// own.
    pub fn unlimited() -> Self {
        Self {
            subs: UNLIMITED,
            data: UNLIMITED,
            payload: UNLIMITED,
            ..Self::default()
        }
    }

    /// Returns whether the user has neither permissions nor limits, not even unlimited ones.
    /// Servers require this of users that a scoped signing key signed (`HasEmptyPermissions` of
    /// nats-io/jwt v2).
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

impl Fields for UserFields {
    const KIND: &'static str = "user";
    const ISSUERS: &'static [KeyKind] = &[KeyKind::Account];
    const HAS_FIRST_VERSION: bool = true;

    /// Migrates from version 1, where a missing limit is unlimited.
    fn migrate(&mut self, _kind: Option<&str>, old: &FirstVersion) {
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
            issuer_account: old.issuer_account(),
            ..mem::take(self)
        };
    }
}
