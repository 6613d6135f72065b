//! What a permitted login gets.

use crate::{Client, ConnectionType, Permissions, SourceNetwork, SubjectPermission, TimeRange};

mod attribute;
mod builder;
mod problem;

pub use builder::PermitBuilder;
pub use problem::{Limit, PermitProblem};

/// A finished, valid permit. Made by [`Permit::builder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The account to place the login in: its name in config mode, its name or public nkey (`A…`) in operator mode.
    pub account: String,
    /// Whose key signs, in operator mode: the configured name of a scoped signing key of the account. The account's
    /// own key or unscoped signing key if none.
    pub role: Option<String>,
    /// The user name the server shows; the client's own if none.
    pub user_name: Option<String>,
    /// What the login may do. Sides that allow nothing are already closed.
    pub permissions: Permissions,
    /// Nothing was said about permissions: with a scoped signing key, the role's template says what the login may do.
    pub names_no_permissions: bool,
    /// Where the login may come from; anywhere if empty. Servers do not enforce it, the host does.
    pub sources: Vec<SourceNetwork>,
    /// How the login may be connected; in any way if empty. Servers do not enforce it, the host does.
    pub connection_types: Vec<ConnectionType>,
    /// The parts of a day the login is good for; always if empty. Servers enforce it.
    pub times: Vec<TimeRange>,
    /// The IANA time zone `times` are in; the server's own if none.
    pub times_location: Option<String>,
    /// Whether the client has to come through a trusted proxy. Servers enforce it from 2.12 on.
    pub proxy_required: bool,
    /// When the server closes the connection, in seconds since the Unix epoch.
    pub expires_at: Option<u64>,
    /// Most subscriptions at the same time; unlimited if `None`. Servers enforce it from 2.14.10 and
    /// 2.15.3 on, and the host refuses it for those before.
    pub subscriptions: Option<u32>,
    /// Largest message in bytes; unlimited if `None`. Servers enforce it from 2.14.10 and 2.15.3 on,
    /// and the host refuses it for those before.
    pub payload: Option<u32>,
    /// Tags for the user JWT.
    pub tags: Vec<String>,
}

impl Permit {
    /// Most subjects in one permit, over all lists.
    pub const MAX_SUBJECTS: usize = 4096;
    /// Most bytes of subjects in one permit, over all lists: more fits into no response. A server takes 1 MiB, three
    /// quarters of that are the user JWT, and three quarters of that its claims.
    pub const MAX_SUBJECT_BYTES: usize = 9 << 16;
    /// Most tags in one permit.
    pub const MAX_TAGS: usize = 64;
    /// Most networks in one permit.
    pub const MAX_SOURCES: usize = 256;
    /// Most ranges of times in one permit.
    pub const MAX_TIMES: usize = 32;
    /// Longest user name, account name, role, time zone or tag, in bytes.
    pub const MAX_TEXT: usize = 256;
    /// Latest expiry: the end of the year 9999, in seconds since the Unix epoch.
    pub const MAX_EXPIRY: u64 = 253_402_300_799;
    /// What the host's own tags begin with.
    const RESERVED_TAGS: [&str; 4] = [
        "policy:",
        "policy-digest:",
        "policy-generation:",
        "policy-version:",
    ];

    /// A permit for `account`, answering a request received at `received_at` (seconds since the Unix epoch).
    pub fn builder(account: impl Into<String>, received_at: u64) -> PermitBuilder {
        PermitBuilder::new(account.into(), received_at)
    }

    /// Returns whether the permit limits subscriptions or messages, so that it is good only for
    /// servers that enforce such limits.
    pub const fn has_limits(&self) -> bool {
        self.subscriptions.is_some() || self.payload.is_some()
    }

    /// Whether `client` comes from one of the permit's networks. A client without an address comes from none.
    pub fn allows_source_of(&self, client: &Client) -> bool {
        self.sources.is_empty()
            || client
                .address()
                .is_some_and(|address| self.sources.iter().any(|network| network.contains(address)))
    }

    /// Whether `client` is connected in one of the permit's ways. A connection of unknown kind is in none.
    pub fn allows_connection_of(&self, client: &Client) -> bool {
        self.connection_types.is_empty()
            || client
                .connection_type()
                .is_some_and(|found| self.connection_types.contains(&found))
    }

    /// Returns the connection types as a user JWT has to name them. A request does not tell MQTT
    /// and leafnodes over WebSocket from those over TCP, and servers that enforce the list do: a
    /// permit for the one is for the other too.
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
    /// How many subjects all lists have together.
    pub fn subject_count(&self) -> usize {
        let count = |side: &SubjectPermission| side.allow.len().saturating_add(side.deny.len());
        count(&self.publish).saturating_add(count(&self.subscribe))
    }
}

#[cfg(test)]
mod tests;
