//! Profiles: sets of permissions, written in settings with the same keys in every policy.
//!
//! A [`Profile`] is a table of settings: the subjects of both sides, replies, and bounds of a
//! login. A policy whose subjects are literal [checks](Profile::check) the profile in `configure`
//! and [adds](Profile::add_to) it to a permit. A policy whose subjects have places for facts of the
//! login makes a [`ProfileTemplate`] of the profile. At a login it fills one or several templates
//! into a [`Combination`].
//!
//! | key | meaning | default |
//! | --- | --- | --- |
//! | `publish.allow`, `subscribe.allow` | subjects; for `subscribe` also `"subject queue"` | nothing |
//! | `publish.deny`, `subscribe.deny` | subjects that are never possible; deny wins over allow | nothing |
//! | `intents` | rights in the language of intent, which add subjects to both sides: `{ streams.ORDERS.consume = ["worker"] }`. See [`Intents`] | none |
//! | `responses` | permission to publish on the reply subject of a message received: `{ max = 1, ttl = "2m" }`. Zero means the server's default: one reply, two minutes | none |
//! | `role` | in operator mode, the signing key of the account to sign with. With a role the user name is [escaped](crate::template::escape), because `{{name()}}` of the role's template puts it into subjects | none |
//! | `sources` | networks to come from: `["10.0.0.0/8"]` | anywhere |
//! | `connection-types` | how to be connected: `STANDARD`, `WEBSOCKET`, `LEAFNODE`, `MQTT`, `IN_PROCESS` | in any way |
//! | `times` | parts of every day: `[{ start = "08:00:00", end = "18:00:00" }]` | always |
//! | `times-location` | the time zone of `times`, as `"Europe/Berlin"` | the server's |
//! | `proxy-required` | whether to come through a trusted proxy only | `false` |

mod check;
mod combination;
mod keys;
mod lists;
mod template;
#[cfg(test)]
mod tests;

use serde::Deserialize;

use crate::intent::Intents;
use crate::names::ConnectionType;
use crate::permit::{Permit, Responses, TimeRange};
use crate::template::escape;

pub use combination::{Combination, Refusal};
pub use keys::KEYS;
pub use lists::SubjectLists;
pub use template::ProfileTemplate;

/// Permissions and bounds of a group of logins.
///
/// Subjects and intents come from settings, or from a value that an operator has stored in a
/// key-value bucket. No code puts a text into their lists, and no claim of a login fills them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table with `publish`, `subscribe`, `intents`, `responses` and what bounds a login"
)]
pub struct Profile {
    /// Subjects to publish on.
    #[serde(default, deserialize_with = "lists::of_settings")]
    pub publish: SubjectLists,
    /// Subjects to subscribe to, optionally `subject queue`.
    #[serde(default, deserialize_with = "lists::of_settings")]
    pub subscribe: SubjectLists,
    /// Rights in the language of intent, in addition to the subjects above. Boxed, because a policy
    /// may hold 100,000 profiles that have none.
    #[serde(default, deserialize_with = "lists::of_settings")]
    pub intents: Option<Box<Intents>>,
    /// Permission to reply to received messages.
    pub responses: Option<Responses>,
    /// The name of the account's signing key to sign with (operator mode).
    pub role: Option<String>,
    /// Networks that clients may connect from. Default: `None`, any. An empty list allows none.
    #[serde(default, deserialize_with = "crate::restriction::optional")]
    pub sources: Option<Vec<String>>,
    /// Types of connection that clients may use. Default: `None`, any. An empty list allows none.
    #[serde(default, deserialize_with = "crate::restriction::optional")]
    pub connection_types: Option<Vec<ConnectionType>>,
    /// Parts of every day in which clients may log in. Default: `None`, always. An empty list
    /// allows none.
    #[serde(default, deserialize_with = "crate::restriction::optional")]
    pub times: Option<Vec<TimeRange>>,
    /// The time zone of `times`. Default: the server's own time zone.
    pub times_location: Option<String>,
    /// Whether the client must connect through a trusted proxy. Default: `false`.
    #[serde(default)]
    pub proxy_required: bool,
}

/// Adds `role` to `permit` and escapes the user name into one literal token, because the role's
/// template may insert it into subjects.
fn add_role(permit: Permit, role: &str) -> Permit {
    let permit = match permit.user_name().map(escape) {
        Some(name) => permit.with_user_name(name),
        None => permit,
    };
    permit.with_role(role)
}
