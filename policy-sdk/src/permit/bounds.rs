//! Bounds of a permit on the client's address, the connection type, the time of day and quantities.

use super::Permit;

/// The bounds of a login, apart from its subjects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) sources: Vec<String>,
    pub(super) connection_types: Vec<String>,
    pub(super) times: Vec<(String, String)>,
    pub(super) times_location: Option<String>,
    pub(super) proxy_required: bool,
    pub(super) subscriptions: Option<i64>,
    pub(super) payload: Option<i64>,
    pub(super) data: Option<i64>,
}

/// Bounds on the client's address, the connection type, the time of day and quantities.
impl Permit {
    /// Allows the login from this network (CIDR notation). Every other network that no call names
    /// is denied. The host checks the client's address; servers would not.
    pub fn source_allow(mut self, network: impl Into<String>) -> Self {
        self.bounds.sources.push(network.into());
        self
    }

    /// Allows the login over this type of connection: `STANDARD`, `WEBSOCKET`, `LEAFNODE`,
    /// `LEAFNODE_WS`, `MQTT`, `MQTT_WS` or `IN_PROCESS`. Every other type that no call names is
    /// denied.
    ///
    /// The host checks [`Client::connection_type`](crate::Client::connection_type), which is never
    /// `LEAFNODE_WS` or `MQTT_WS`; servers would not check it.
    pub fn connection_type_allow(mut self, name: impl Into<String>) -> Self {
        self.bounds.connection_types.push(name.into());
        self
    }

    /// Allows the login from `start` to `end` of every day (`HH:MM:SS`). Every other time that no
    /// call names is denied. The server closes the connection at the end.
    pub fn time_allow(mut self, start: impl Into<String>, end: impl Into<String>) -> Self {
        self.bounds.times.push((start.into(), end.into()));
        self
    }

    /// Sets the time zone of the times, by its name in the IANA database. Default: the server's own
    /// time zone.
    pub fn times_location(mut self, zone: impl Into<String>) -> Self {
        self.bounds.times_location = Some(zone.into());
        self
    }

    /// Requires a trusted proxy for the login. Servers enforce this from 2.12 on.
    pub fn proxy_required(mut self) -> Self {
        self.bounds.proxy_required = true;
        self
    }

    /// Limits the number of simultaneous subscriptions of the login (`subs`), 1 to 2147483647.
    /// Servers enforce it from 2.14.10 and 2.15.3 on; the host denies the login at older servers.
    pub fn limit_subscriptions(mut self, most: i64) -> Self {
        self.bounds.subscriptions = Some(most);
        self
    }

    /// Limits the size of a message (`payload`) in bytes, 1 to 2147483647. Servers enforce it from
    /// 2.14.10 and 2.15.3 on; the host denies the login at older servers.
    pub fn limit_payload(mut self, bytes: i64) -> Self {
        self.bounds.payload = Some(bytes);
        self
    }

    /// Makes the permit invalid: servers ignore a limit on all bytes (`data`), so the host rejects
    /// it. Limit the account instead.
    pub fn limit_data(mut self, bytes: i64) -> Self {
        self.bounds.data = Some(bytes);
        self
    }

    /// Returns the networks set by [`source_allow`](Self::source_allow).
    pub fn sources(&self) -> &[String] {
        &self.bounds.sources
    }

    /// Returns the types set by [`connection_type_allow`](Self::connection_type_allow).
    pub fn connection_types(&self) -> &[String] {
        &self.bounds.connection_types
    }

    /// Returns the ranges set by [`time_allow`](Self::time_allow), start and end.
    pub fn times(&self) -> &[(String, String)] {
        &self.bounds.times
    }

    /// Returns the zone set by [`times_location`](Self::times_location).
    pub fn times_zone(&self) -> Option<&str> {
        self.bounds.times_location.as_deref()
    }

    /// Returns whether [`proxy_required`](Self::proxy_required) was called.
    pub const fn requires_proxy(&self) -> bool {
        self.bounds.proxy_required
    }
}
