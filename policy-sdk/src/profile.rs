//! Sets of permissions as settings write them, alike in every policy.
//!
//! A [`Profile`] is a table of settings: subjects of both sides, replies, and what bounds a login. A policy whose subjects stand as they
//! are [checks](Profile::check) it in `configure` and [adds](Profile::add_to) it to a permit. A policy whose subjects have places for
//! facts of the login makes a [`ProfileTemplate`] of it, and fills one or several into a [`Combination`].
//!
//! | key | meaning | default |
//! | --- | --- | --- |
//! | `publish.allow`, `subscribe.allow` | subjects; for `subscribe` also `"subject queue"` | nothing |
//! | `publish.deny`, `subscribe.deny` | subjects that are never possible; deny wins over allow | nothing |
//! | `responses` | permission to publish on the reply subject of a message received: `{ max = 1, ttl = "2m" }`. Zero means the server's default: one reply, two minutes | none |
//! | `role` | in operator mode, the signing key of the account to sign with. With a role the user name is [escaped](crate::template::escape), because `{{name()}}` of the role's template puts it into subjects | none |
//! | `sources` | networks to come from: `["10.0.0.0/8"]` | anywhere |
//! | `connection-types` | how to be connected: `STANDARD`, `WEBSOCKET`, `LEAFNODE`, `MQTT`, `IN_PROCESS` | in any way |
//! | `times` | parts of every day: `[{ start = "08:00:00", end = "18:00:00" }]` | always |
//! | `times-location` | the time zone of `times`, as `"Europe/Berlin"` | the server's |
//! | `proxy-required` | whether to come through a trusted proxy only | `false` |

mod check;
mod combination;
mod template;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Deserialize;

use crate::Permit;
use crate::template::escape;

pub use combination::{Combination, Refusal};
pub use template::ProfileTemplate;

/// Defines a table of settings that has the keys of a [`Profile`](crate::profile::Profile) and some of its own.
///
/// The table refuses unknown keys, and every complaint names its key. `profile` takes the profile out of it. The crate that
/// uses this needs `serde` among its dependencies.
///
/// ```
/// portcullis_sdk::profile_table! {
///     /// What holders of a role may do.
///     pub struct Role {
///         /// The account.
///         pub account: Option<String>,
///     }
/// }
///
/// let role: Role = serde_json::from_str(r#"{ "account": "A", "publish": { "allow": ["a"] } }"#)?;
/// assert_eq!(role.account.as_deref(), Some("A"));
/// assert_eq!(role.profile().publish.allow, ["a"]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! profile_table {
    (@table $(#[$meta:meta])* $visibility:vis struct $name:ident { $($own:tt)* }) => {
        #[derive(Clone, Debug, ::serde::Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        $(#[$meta])*
        $visibility struct $name {
            $($own)*
            /// Subjects to publish on.
            #[serde(default)]
            pub publish: $crate::profile::Subjects,
            /// Subjects to subscribe to, optionally `subject queue`.
            #[serde(default)]
            pub subscribe: $crate::profile::Subjects,
            /// Permission to answer messages received.
            pub responses: Option<$crate::profile::Responses>,
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
            pub times: Vec<$crate::profile::Times>,
            /// The time zone of `times`.
            pub times_location: Option<String>,
            /// Whether the client has to come through a trusted proxy.
            #[serde(default)]
            pub proxy_required: bool,
        }
    };
    ($(#[$meta:meta])* $visibility:vis struct $name:ident { $($own:tt)* }) => {
        $crate::profile_table! {
            @table $(#[$meta])* $visibility struct $name { $($own)* }
        }

        impl $name {
            /// What of the table is a profile.
            $visibility fn profile(&self) -> $crate::profile::Profile {
                $crate::profile::Profile {
                    publish: self.publish.clone(),
                    subscribe: self.subscribe.clone(),
                    responses: self.responses,
                    role: self.role.clone(),
                    sources: self.sources.clone(),
                    connection_types: self.connection_types.clone(),
                    times: self.times.clone(),
                    times_location: self.times_location.clone(),
                    proxy_required: self.proxy_required,
                }
            }
        }
    };
}

profile_table! {
    @table
    /// What logins of one kind may do, and what bounds them.
    #[derive(Default)]
    #[serde(expecting = "a table with `publish`, `subscribe`, `responses` and what bounds a login")]
    pub struct Profile {}
}

/// Subjects of one side. Deny wins; nothing allowed means nothing possible.
#[derive(Clone, Debug, Default, Deserialize)]
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
#[derive(Clone, Copy, Debug, Deserialize)]
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
    #[serde(default, deserialize_with = "crate::duration::required")]
    pub ttl: Duration,
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

/// Signs `permit` with `role`, whose template may put the user name into subjects: the name becomes one literal token.
fn with_role(permit: Permit, role: &str) -> Permit {
    let permit = match permit.user().map(escape) {
        Some(name) => permit.user_name(name),
        None => permit,
    };
    permit.role(role)
}
