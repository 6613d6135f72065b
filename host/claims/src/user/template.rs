//! Permissions of users, and templates of scoped signing keys.

use serde::{Deserialize, Deserializer, Serialize};

use super::rules::{ResponseRule, SubjectRule, TimeRule};
use super::values::UNLIMITED;
use crate::lenient::{
    comma_separated, is_empty, object_or_default, objects_or_default, optional_object, or_default,
};

/// Permissions to publish, to subscribe and to reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PermissionRules {
    /// Publish permissions.
    #[serde(rename = "pub", deserialize_with = "object_or_default")]
    pub publish: SubjectRule,
    /// Subscribe permissions.
    #[serde(rename = "sub", deserialize_with = "object_or_default")]
    pub subscribe: SubjectRule,
    /// Permission to reply.
    #[serde(rename = "resp", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "optional_object")]
    pub responses: Option<ResponseRule>,
}

/// The permissions and limits of every user that a scoped signing key signs. Its fields are those
/// of [`UserBody`](super::UserBody).
///
/// By default, nothing is limited. A limit missing in JSON is unlimited, as in the Go library. So
/// the Go library cannot write a limit of 0, which it leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserTemplate {
    /// Permissions, which may contain placeholders such as `{{name()}}`.
    #[serde(flatten)]
    pub permissions: PermissionRules,
    /// Networks that the user may come from, in CIDR notation.
    #[serde(rename = "src", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "comma_separated")]
    pub sources: Vec<String>,
    /// Times of day at which the user may be connected.
    #[serde(skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "objects_or_default")]
    pub times: Vec<TimeRule>,
    /// Time zone of `times`, by its IANA name. `None` selects the server's own.
    #[serde(skip_serializing_if = "is_empty")]
    pub times_location: Option<String>,
    // Limits are always written, even if zero, because a missing limit is read as unlimited.
    /// Maximum number of subscriptions; -1 is unlimited.
    #[serde(deserialize_with = "or_unlimited")]
    pub subs: i64,
    /// Maximum number of bytes; -1 is unlimited.
    #[serde(deserialize_with = "or_unlimited")]
    pub data: i64,
    /// Maximum size of a message, in bytes; -1 is unlimited.
    #[serde(deserialize_with = "or_unlimited")]
    pub payload: i64,
    /// Whether tokens are valid without a signed nonce.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub bearer_token: bool,
    /// Whether users have to connect through a trusted proxy. Enforced on users of auth callout
    /// from 2.14.8 and 2.15.1 on.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub proxy_required: bool,
    /// Connection types, such as `STANDARD` and `WEBSOCKET`; empty for any.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub allowed_connection_types: Vec<String>,
}

impl Default for UserTemplate {
    fn default() -> Self {
        Self {
            permissions: PermissionRules::default(),
            sources: Vec::new(),
            times: Vec::new(),
            times_location: None,
            subs: UNLIMITED,
            data: UNLIMITED,
            payload: UNLIMITED,
            bearer_token: false,
            proxy_required: false,
            allowed_connection_types: Vec::new(),
        }
    }
}

fn or_unlimited<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(UNLIMITED))
}
