//! The `[settings]` table, key by key.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// The `[settings]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The account of users that name none.
    pub default_account: Option<String>,
    /// What becomes of logins of nobody listed here.
    #[serde(default)]
    pub unknown_users: UnknownUsers,
    /// Whether a password or token may be `plain:` text.
    #[serde(default)]
    pub dangerous_plain_text_passwords: bool,
    /// Permissions by the name users refer to.
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
    /// Users by name.
    #[serde(default)]
    pub users: BTreeMap<String, User>,
}

/// What becomes of logins of nobody listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownUsers {
    /// The next policy in the chain decides.
    #[default]
    Abstain,
    /// They are refused.
    Deny,
}

/// What users of one kind may do.
#[derive(Debug, Default, Deserialize)]
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
#[derive(Debug, Deserialize)]
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
#[derive(Debug, Default, Deserialize)]
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
#[derive(Debug, Deserialize)]
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

/// One user.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table with `profile` and `password` or `token`"
)]
pub struct User {
    /// The hash of the password, for logins with a user name.
    pub password: Option<Hash>,
    /// The hash of the token, for logins with nothing else.
    pub token: Option<Hash>,
    /// The account, instead of `default-account`.
    pub account: Option<String>,
    /// The name of the profile.
    pub profile: String,
    /// How long a connection lasts; for ever if none.
    #[serde(default, deserialize_with = "optional_duration")]
    pub expires_in: Option<Duration>,
}

/// The hash of a password or token. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hash(String);

impl Hash {
    /// A hash in any form the host knows.
    pub fn new(hash: impl Into<String>) -> Self {
        Self(hash.into())
    }

    /// The hash as the host takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The password itself, if this is no hash at all.
    pub(crate) fn plain_text(&self) -> Option<&str> {
        self.0.strip_prefix("plain:")
    }

    /// Whether only tokens can be compared with it.
    pub(crate) fn is_for_tokens(&self) -> bool {
        self.0.starts_with("sha256:")
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
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

fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}
