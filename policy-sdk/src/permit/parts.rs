//! Parts of a permit, which settings may hold too.

use std::time::Duration;

use serde::Deserialize;

use crate::AccountLimit;

/// Subjects of one side of a permit, publish or subscribe, for tests that read a permit. Deny wins
/// over allow; an empty allow list allows nothing. Nothing takes them: methods of
/// [`Permit`](crate::Permit) take each [`Subject`](crate::Subject), and settings have
/// [`SubjectLists`](crate::profile::SubjectLists).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subjects {
    /// Allowed subjects.
    pub allow: Vec<String>,
    /// Denied subjects.
    pub deny: Vec<String>,
}

/// Permission to publish on the reply subject of a received message.
///
/// The default is the one of servers: one reply, within two minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table like { max = 1, ttl = \"2m\" }"
)]
pub struct Responses {
    /// The maximum number of replies to one message. Zero means the server's default, one.
    #[serde(default)]
    pub max: u32,
    /// The time after the message in which replies are allowed, in whole milliseconds. Zero means
    /// the server's default, two minutes.
    #[serde(default, deserialize_with = "crate::duration::required")]
    pub ttl: Duration,
}

/// A part of every day. Both times have the form `HH:MM:SS`.
///
/// ```
/// use portcullis_sdk::TimeRange;
///
/// let day = TimeRange::from(("08:00:00", "18:00:00"));
/// assert_eq!(day.end, "18:00:00");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table like { start = \"08:00:00\", end = \"18:00:00\" }"
)]
pub struct TimeRange {
    /// The beginning of the part.
    pub start: String,
    /// The end of the part.
    pub end: String,
}

impl<S: Into<String>, E: Into<String>> From<(S, E)> for TimeRange {
    fn from((start, end): (S, E)) -> Self {
        Self {
            start: start.into(),
            end: end.into(),
        }
    }
}

/// The bounds of a login, apart from its subjects. `None` means that the permit does not set the
/// bound; the host rejects an empty list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) sources: Option<Vec<String>>,
    /// Words of [`ConnectionType`](crate::ConnectionType), as the host takes them.
    pub(super) connection_types: Option<Vec<String>>,
    pub(super) times: Option<Vec<TimeRange>>,
    pub(super) times_location: Option<String>,
    pub(super) proxy_required: bool,
    pub(super) subscriptions: Option<u32>,
    pub(super) payload: Option<u32>,
    pub(super) account_limits: Vec<(AccountLimit, u64)>,
}
