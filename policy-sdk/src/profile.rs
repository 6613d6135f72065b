//! Settings that policies share: what logins of one kind may do.
//!
//! [`Profile`] is everything a permit can hold but for account, names and expiry; [`Subjects`] are the subjects of one of its
//! sides. Both are written in settings as in `policies/static-users`:
//!
//! ```toml
//! publish = { allow = ["orders.>"], deny = ["orders.archive.>"] }
//! subscribe = { allow = ["_INBOX.>"] }
//! responses = { max = 1, ttl = "2m" }
//! ```

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::{Permit, SettingsError};

/// What logins of one kind may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table with `publish`, `subscribe`, `responses` and what bounds a login"
)]
pub struct Profile {
    /// Subjects to publish on.
    #[serde(default)]
    pub publish: Subjects,
    /// Subjects to subscribe to, optionally `subject queue`.
    #[serde(default)]
    pub subscribe: Subjects,
    /// Permission to answer messages received.
    pub responses: Option<Responses>,
    /// The account's signing key to sign with (operator mode).
    pub role: Option<String>,
    /// Networks to come from; anywhere if empty.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Types of connection; any if empty.
    #[serde(default)]
    pub connection_types: Vec<String>,
    /// Parts of every day; always if empty.
    #[serde(default)]
    pub times: Vec<Times>,
    /// The time zone of `times`.
    pub times_location: Option<String>,
    /// Whether the client has to come through a trusted proxy.
    #[serde(default)]
    pub proxy_required: bool,
}

/// A part of every day, `HH:MM:SS` each.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table like { start = \"08:00:00\", end = \"18:00:00\" }"
)]
pub struct Times {
    /// When it begins.
    pub start: String,
    /// When it ends.
    pub end: String,
}

/// Subjects of one side. Deny wins; nothing allowed means nothing possible.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table like { allow = [\"orders.>\"], deny = [] }"
)]
pub struct Subjects {
    /// Allowed subjects.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Denied subjects.
    #[serde(default)]
    pub deny: Vec<String>,
}

/// Permission to answer messages received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table like { max = 1, ttl = \"2m\" }"
)]
pub struct Responses {
    /// Answers to one message; 0 means the server's default, 1.
    #[serde(default)]
    pub max: u32,
    /// For how long after the message; 0 means the server's default, two minutes.
    #[serde(default, deserialize_with = "duration")]
    pub ttl: Duration,
}

impl Profile {
    /// Adds the profile to a permit.
    pub fn grant(&self, permit: Permit) -> Permit {
        let permit = permit
            .publish_allow_all(&self.publish.allow)
            .publish_deny_all(&self.publish.deny)
            .subscribe_allow_all(&self.subscribe.allow)
            .subscribe_deny_all(&self.subscribe.deny);
        let permit = match &self.responses {
            Some(responses) => permit.responses_allow(responses.max, responses.ttl),
            None => permit,
        };
        self.bound(permit)
    }

    fn bound(&self, mut permit: Permit) -> Permit {
        if let Some(role) = &self.role {
            permit = permit.role(role);
        }
        for network in &self.sources {
            permit = permit.source_allow(network);
        }
        for name in &self.connection_types {
            permit = permit.connection_type_allow(name);
        }
        for range in &self.times {
            permit = permit.time_allow(&range.start, &range.end);
        }
        if let Some(zone) = &self.times_location {
            permit = permit.times_location(zone);
        }
        if self.proxy_required {
            permit = permit.proxy_required();
        }
        permit
    }

    /// What no permit could carry, each with its key below `path`.
    pub fn problems(&self, path: &str) -> Vec<SettingsError> {
        /// How the host names a list, and how the settings do.
        const LISTS: [(&str, &str); 7] = [
            ("publish-allow: ", ".publish.allow"),
            ("publish-deny: ", ".publish.deny"),
            ("subscribe-allow: ", ".subscribe.allow"),
            ("subscribe-deny: ", ".subscribe.deny"),
            ("source-allow: ", ".sources"),
            ("connection-type-allow: ", ".connection-types"),
            ("time-allow: ", ".times"),
        ];
        let problems = self.grant(Permit::new("any")).problems().into_iter();
        let located = problems.map(|problem| {
            let (list, message) = LISTS
                .iter()
                .find_map(|(prefix, list)| Some((*list, problem.strip_prefix(prefix)?)))
                .unwrap_or(("", &problem));
            let path = format!("{path}{list}");
            SettingsError::at(path.trim_start_matches('.'), message)
        });
        located.collect()
    }
}

/// Reads a duration such as `30s`, `15m`, `1h30m` or `2d`: for `#[serde(deserialize_with)]`.
///
/// # Errors
///
/// When it is something else.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    struct Human;

    impl serde::de::Visitor<'_> for Human {
        type Value = Duration;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a duration like \"30s\", \"15m\", \"1h30m\" or \"2d\"")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Duration, E> {
            humantime::parse_duration(text).map_err(|error| {
                E::custom(format_args!(
                    "invalid duration `{}`: {error}",
                    text.escape_debug()
                ))
            })
        }
    }

    deserializer.deserialize_str(Human)
}

/// The same where it may be left out, with `#[serde(default)]` beside it.
///
/// # Errors
///
/// As [`duration`].
pub fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}
