//! Permits: what a permitted login gets.

use serde::{Deserialize, Serialize};

use crate::{Client, ConnectionType, Permissions, SourceNetwork, SubjectPermission, TimeRange};

mod attribute;
mod builder;
mod problem;

pub use builder::PermitBuilder;
pub use problem::{Limit, PermitProblem};

/// A finished, valid permit. [`Permit::builder`] makes one.
///
/// Deserialization does not repeat the builder's checks, so the source of the data has to be
/// trusted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Permit {
    /// Account to place the login in: its name in config mode, its name or public nkey (`A…`) in
    /// operator mode.
    pub account: String,
    /// Configured name of the scoped signing key that signs, in operator mode. `None` selects the
    /// account's own key or an unscoped signing key.
    pub role: Option<String>,
    /// User name that the server shows. `None` keeps the client's own.
    pub user_name: Option<String>,
    /// Permissions of the login. Sides that allow nothing are already closed.
    pub permissions: Permissions,
    /// Whether the policy said nothing about permissions. With a scoped signing key, the role's
    /// template then sets them.
    pub names_no_permissions: bool,
    /// Networks that the login may come from; empty for any. The host enforces them, because
    /// servers before 2.14.10 and 2.15.3 do not.
    pub sources: Vec<SourceNetwork>,
    /// Connection types that the login may use; empty for any. The host enforces them, because
    /// servers before 2.14.9 and 2.15.2 do not.
    pub connection_types: Vec<ConnectionType>,
    /// Parts of a day in which the login is valid; empty for always. Servers enforce them.
    pub times: Vec<TimeRange>,
    /// IANA time zone of `times`. `None` selects the server's own zone.
    pub times_location: Option<String>,
    /// Whether the client has to connect through a trusted proxy. Servers enforce it from 2.12.0
    /// on.
    pub proxy_required: bool,
    /// Time at which the server closes the connection, in seconds since the Unix epoch. `None` sets
    /// no end.
    pub expires_at: Option<u64>,
    /// Maximum number of subscriptions at the same time; unlimited if `None`. Servers enforce it
    /// from 2.14.10 and 2.15.3 on. For older servers, the host denies a permit with this limit.
    pub subscriptions: Option<u32>,
    /// Maximum size of a message, in bytes; unlimited if `None`. Servers enforce it from 2.14.10
    /// and 2.15.3 on. For older servers, the host denies a permit with this limit.
    pub payload: Option<u32>,
    /// Tags for the user JWT.
    pub tags: Vec<String>,
}

impl Permit {
    /// Maximum number of subjects in one permit, over all lists.
    pub const MAX_SUBJECTS: usize = 4096;
    /// Maximum size of the subjects in one permit, over all lists, in bytes. No response has room
    /// for more. A server accepts 1 MiB, the user JWT takes three quarters of that, and its claims
    /// three quarters of the JWT.
    pub const MAX_SUBJECT_BYTES: usize = 9 << 16;
    /// Maximum number of tags in one permit.
    pub const MAX_TAGS: usize = 64;
    /// Maximum number of networks in one permit.
    pub const MAX_SOURCES: usize = 256;
    /// Maximum number of ranges of times in one permit.
    pub const MAX_TIMES: usize = 32;
    /// Maximum length of a user name, account name, role, time zone or tag, in bytes.
    pub const MAX_TEXT: usize = 256;
    /// Latest expiry: the end of the year 9999, in seconds since the Unix epoch.
    pub const MAX_EXPIRY: u64 = 253_402_300_799;
    /// Prefixes of the tags that only the host sets.
    const RESERVED_TAGS: [&str; 4] = [
        "policy:",
        "policy-digest:",
        "policy-generation:",
        "policy-version:",
    ];

    /// Returns a builder of a permit for `account`. `received_at` is the time of the request, in
    /// seconds since the Unix epoch.
    pub fn builder(account: impl Into<String>, received_at: u64) -> PermitBuilder {
        PermitBuilder::new(account.into(), received_at)
    }

    /// Returns whether the permit limits subscriptions or messages. Such a permit is only for
    /// servers that enforce these limits.
    pub const fn has_limits(&self) -> bool {
        self.subscriptions.is_some() || self.payload.is_some()
    }

    /// Returns whether `client` comes from one of the permit's networks. A client without an
    /// address comes from none.
    pub fn allows_source_of(&self, client: &Client) -> bool {
        self.sources.is_empty()
            || client
                .address()
                .is_some_and(|address| self.sources.iter().any(|network| network.contains(address)))
    }

    /// Returns whether `client` uses one of the permit's connection types. A connection of unknown
    /// kind uses none.
    pub fn allows_connection_of(&self, client: &Client) -> bool {
        self.connection_types.is_empty()
            || client
                .connection_type()
                .is_some_and(|found| self.connection_types.contains(&found))
    }

    /// Returns the connection types as a user JWT has to name them.
    ///
    /// A request does not distinguish MQTT and leafnodes over WebSocket from those over TCP, but
    /// servers that enforce the list do. So the list names the WebSocket variant of each as well.
    pub fn connection_types_for_servers(&self) -> Vec<ConnectionType> {
        let mut types = self.connection_types.clone();
        for kind in &self.connection_types {
            if let Some(twin) = kind.over_websocket().filter(|twin| !types.contains(twin)) {
                types.push(twin);
            }
        }
        types
    }
}

impl Permissions {
    /// Returns the number of subjects in all lists.
    pub fn subject_count(&self) -> usize {
        let count = |side: &SubjectPermission| side.allow.len().saturating_add(side.deny.len());
        count(&self.publish).saturating_add(count(&self.subscribe))
    }
}

#[cfg(test)]
mod tests;
