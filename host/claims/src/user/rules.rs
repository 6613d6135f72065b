//! Permissions and times in user JWTs.

use std::time::Duration;

use portcullis_core::{ResponsePermission, SubjectPermission, TimeRange};
use serde::{Deserialize, Serialize};

use super::values::texts;
use crate::lenient::{is_empty, or_default};

/// Allowed and denied subjects of one side. A server reads an empty allow list as everything.
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

/// A permission to reply. Zeroes select the server's defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResponseRule {
    /// Maximum number of replies to one message.
    #[serde(deserialize_with = "or_default")]
    pub max: i64,
    /// Time span after the message in which replies are allowed, in nanoseconds.
    #[serde(deserialize_with = "or_default")]
    pub ttl: i64,
}

/// A part of the day. A range whose end is before its start passes midnight.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeRule {
    /// Start of the range, `HH:MM:SS`.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub start: String,
    /// End of the range, `HH:MM:SS`.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub end: String,
}

impl SubjectRule {
    /// Returns whether no subject is allowed or denied. A server reads such a side as everything
    /// allowed.
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

/// Returns a duration in nanoseconds. More than the 292 years that a server can count becomes that
/// maximum.
fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
