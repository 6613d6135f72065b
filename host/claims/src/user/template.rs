//! What a user may do, apart from who it is: permissions, and the template of a scoped signing key.

use serde::{Deserialize, Deserializer, Serialize};

use super::{ResponseRule, SubjectRule, TimeRule, UNLIMITED};
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

/// Permissions and limits for every user that a scoped signing key signs: those of [`UserBody`](super::UserBody).
///
/// Nothing is limited by default, and a limit that is missing in JSON is none, so that a limit of 0 cannot be
/// written: both as in the Go library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserTemplate {
    /// Permissions. May contain placeholders such as `{{name()}}`.
    #[serde(flatten)]
    pub permissions: PermissionRules,
    /// Networks the user may come from, as CIDR.
    #[serde(rename = "src", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "comma_separated")]
    pub sources: Vec<String>,
    /// When in a day the user may be connected.
    #[serde(skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "objects_or_default")]
    pub times: Vec<TimeRule>,
    /// The time zone of `times`, by its IANA name; none is the server's own.
    #[serde(skip_serializing_if = "is_empty")]
    pub times_location: Option<String>,
    // Limits are always written: one that is left out is read as unlimited, a zero included.
    /// Most subscriptions; -1 is unlimited.
    #[serde(deserialize_with = "or_unlimited")]
    pub subs: i64,
    /// Most bytes; -1 is unlimited.
    #[serde(deserialize_with = "or_unlimited")]
    pub data: i64,
    /// Largest message in bytes; -1 is unlimited.
    #[serde(deserialize_with = "or_unlimited")]
    pub payload: i64,
    /// Whether tokens are good without a signed nonce.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub bearer_token: bool,
    /// Whether users have to come through a trusted proxy (servers from 2.12).
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub proxy_required: bool,
    /// `STANDARD`, `WEBSOCKET` and so on; none is any.
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
