//! What stands under `nats` in a user JWT.

use std::mem;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ResponseRule, SubjectRule, TimeRule, UNLIMITED};
use crate::jwt::{Body, FirstVersion, VERSION};
use crate::keys::KeyKind;
use crate::lenient::{comma_separated, is_empty, or_default};

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
    pub(super) kind: Option<String>,
    #[serde(skip_serializing_if = "is_empty")]
    pub(super) version: Option<i64>,
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
