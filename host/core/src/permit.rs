//! Permits: what a permitted login gets.

use std::collections::BTreeMap;

use portcullis_permit_rules::limits;
use serde::{Deserialize, Serialize};

use crate::text::{account_limits_as_text, allowed_as_text};
use crate::{
    AccountLimit, AccountName, Allowed, Client, ConnectionType, Permissions, SourceNetwork,
    TimeRange,
};

mod draft;
mod transfer;

pub use draft::{PermitBuilder, PermitDraft};

/// A finished, valid permit. [`Permit::builder`] makes one, and deserialization repeats the
/// builder's checks.
///
/// The host narrows a permit with [`narrow_to`](Self::narrow_to) and [`end_by`](Self::end_by). It
/// moves one to another account with [`place_in`](Self::place_in), and names the account with
/// [`know_account_as`](Self::know_account_as).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(remote = "Self", rename_all = "kebab-case", deny_unknown_fields)]
pub struct Permit {
    account: AccountName,
    /// Name of the account in the host's configuration, if `account` is its key.
    #[serde(skip)]
    known_as: Option<AccountName>,
    content: Content,
}

/// The parts of a permit other than its account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Content {
    role: Option<String>,
    user_name: Option<String>,
    /// Sides that allow nothing are closed.
    permissions: Permissions,
    names_permissions: bool,
    #[serde(with = "allowed_as_text")]
    sources: Allowed<SourceNetwork>,
    #[serde(with = "allowed_as_text")]
    connection_types: Allowed<ConnectionType>,
    #[serde(with = "allowed_as_text")]
    times: Allowed<TimeRange>,
    times_location: Option<String>,
    proxy_required: bool,
    expires_at: Option<u64>,
    subscriptions: Option<u32>,
    payload: Option<u32>,
    tags: Vec<String>,
    #[serde(with = "account_limits_as_text")]
    account_limits: BTreeMap<AccountLimit, u64>,
}

impl Permit {
    /// Maximum number of subjects in one permit, over all lists.
    pub const MAX_SUBJECTS: usize = limits::MAX_SUBJECTS;
    /// Maximum size of the subjects in one permit, over all lists, in bytes.
    pub const MAX_SUBJECT_BYTES: usize = limits::MAX_SUBJECT_BYTES;
    /// Latest expiry: the end of the year 9999, in seconds since the Unix epoch.
    pub const MAX_EXPIRY: u64 = limits::MAX_EXPIRY;

    /// Returns the account to place the login in: its name in config mode, its name or public nkey
    /// (`A…`) in operator mode.
    pub const fn account(&self) -> &AccountName {
        &self.account
    }

    /// Returns the account by the name that the host's configuration has for it. That is
    /// [`account`](Self::account), unless the policy named the account by its key.
    pub fn account_name(&self) -> &AccountName {
        self.known_as.as_ref().unwrap_or(&self.account)
    }

    /// Returns the configured name of the scoped signing key that signs, in operator mode. `None`
    /// selects the account's own key or an unscoped signing key.
    pub fn role(&self) -> Option<&str> {
        self.content.role.as_deref()
    }

    /// Returns the user name that the server shows. `None` keeps the client's own.
    pub fn user_name(&self) -> Option<&str> {
        self.content.user_name.as_deref()
    }

    /// Returns the permissions of the login. Sides that allow nothing are closed.
    pub const fn permissions(&self) -> &Permissions {
        &self.content.permissions
    }

    /// Returns whether the policy said anything about permissions. If not, the template of a role
    /// sets them.
    pub const fn names_permissions(&self) -> bool {
        self.content.names_permissions
    }

    /// Returns the networks that the login may come from. The host enforces them, because servers
    /// before 2.14.10 and 2.15.3 do not.
    pub const fn sources(&self) -> &Allowed<SourceNetwork> {
        &self.content.sources
    }

    /// Returns the connection types that the login may use. The host enforces them, because servers
    /// before 2.14.9 and 2.15.2 do not.
    pub const fn connection_types(&self) -> &Allowed<ConnectionType> {
        &self.content.connection_types
    }

    /// Returns the parts of a day in which the login is valid. Servers enforce them.
    pub const fn times(&self) -> &Allowed<TimeRange> {
        &self.content.times
    }

    /// Returns the IANA time zone of [`times`](Self::times). `None` selects the server's own zone.
    pub fn times_location(&self) -> Option<&str> {
        self.content.times_location.as_deref()
    }

    /// Returns whether the client has to connect through a trusted proxy. Servers enforce it from
    /// 2.12.0 on.
    pub const fn requires_proxy(&self) -> bool {
        self.content.proxy_required
    }

    /// Returns the time at which the server closes the connection, in seconds since the Unix epoch.
    /// `None` sets no end.
    pub const fn expires_at(&self) -> Option<u64> {
        self.content.expires_at
    }

    /// Returns the maximum number of subscriptions at the same time; unlimited if `None`. Servers
    /// enforce it from 2.14.10 and 2.15.3 on. For older servers, the host denies a permit with this
    /// limit.
    pub const fn subscriptions(&self) -> Option<u32> {
        self.content.subscriptions
    }

    /// Returns the maximum size of a message, in bytes; unlimited if `None`. Servers enforce it
    /// from 2.14.10 and 2.15.3 on. For older servers, the host denies a permit with this limit.
    pub const fn payload(&self) -> Option<u32> {
        self.content.payload
    }

    /// Returns the limits of the account that a request of the kind
    /// [`AccountRequest`](crate::ClientKind::AccountRequest) has the host sign.
    pub const fn account_limits(&self) -> &BTreeMap<AccountLimit, u64> {
        &self.content.account_limits
    }

    /// Returns the tags for the user JWT.
    pub fn tags(&self) -> &[String] {
        &self.content.tags
    }

    /// Places the login in `account` instead of the policy's. Only for a caller of the token
    /// exchange that may choose its account.
    pub fn place_in(&mut self, account: AccountName) {
        self.account = account;
        self.known_as = None;
    }

    /// Records that the host's configuration has the name `name` for the account.
    pub fn know_account_as(&mut self, name: AccountName) {
        self.known_as = Some(name).filter(|name| *name != self.account);
    }

    /// Replaces the permissions by what a ceiling leaves of them, and closes sides that allow
    /// nothing.
    pub fn narrow_to(&mut self, permissions: Permissions) {
        self.content.permissions = permissions.closed();
    }

    /// Ends the login at `time`, in seconds since the Unix epoch, unless it ends earlier.
    pub fn end_by(&mut self, time: u64) {
        self.content.expires_at = Some(self.content.expires_at.map_or(time, |end| end.min(time)));
    }

    /// Returns whether the permit limits subscriptions or messages. Such a permit is only for
    /// servers that enforce these limits.
    pub const fn has_limits(&self) -> bool {
        self.content.subscriptions.is_some() || self.content.payload.is_some()
    }

    /// Returns whether `client` comes from one of the permit's networks. A client without an
    /// address comes from none.
    pub fn allows_source_of(&self, client: &Client) -> bool {
        let address = client.address();
        self.content
            .sources
            .allows_where(|network| address.is_some_and(|address| network.contains(address)))
    }

    /// Returns whether `client` uses one of the permit's connection types. A connection of unknown
    /// kind uses none.
    pub fn allows_connection_of(&self, client: &Client) -> bool {
        self.content
            .connection_types
            .allows(client.connection_type().as_ref())
    }

    /// Returns the connection types as a user JWT has to name them, where an empty list stands for
    /// any.
    ///
    /// A request does not distinguish MQTT and leafnodes over WebSocket from those over TCP, but
    /// servers that enforce the list do. So the list names the WebSocket variant of each as well.
    pub fn connection_types_for_servers(&self) -> Vec<ConnectionType> {
        let mut types: Vec<_> = self.content.connection_types.listed().copied().collect();
        for kind in self.content.connection_types.listed() {
            if let Some(twin) = kind.over_websocket().filter(|twin| !types.contains(twin)) {
                types.push(twin);
            }
        }
        types
    }
}

#[cfg(test)]
mod tests;
