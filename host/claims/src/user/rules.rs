//! Permissions and times as user JWTs have them.

use std::time::Duration;

use portcullis_core::{ResponsePermission, SubjectPermission, TimeRange};
use serde::{Deserialize, Serialize};

use super::texts;
use crate::lenient::{is_empty, or_default};

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

/// Longer than the 292 years a server can count is as good as that.
fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
