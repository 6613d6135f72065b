//! Bounds of a permit on the client's address, the connection type, the time of day and quantities.

use super::{Permit, TimeRange};
use crate::names::ConnectionType;

/// Bounds on the client's address, the connection type, the time of day and quantities.
///
/// A permit without a bound is not bounded. A bound with an empty list makes the permit invalid, so
/// that a list that is empty by mistake opens no door.
impl Permit {
    /// Allows the login from these networks (CIDR notation). Every other network that no call names
    /// is denied. The host checks the client's address; servers would not.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP").allow_sources(["10.0.0.0/8", "fd00::/8"]);
    /// assert!(permit.problems().is_empty());
    ///
    /// let nowhere = Permit::new("APP").allow_sources([""; 0]);
    /// assert_eq!(nowhere.problems(), ["attribute `source`: expected at least one value, found 0"]);
    /// ```
    pub fn allow_sources(mut self, networks: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let sources = self.bounds.sources.get_or_insert_default();
        sources.extend(networks.into_iter().map(Into::into));
        self
    }

    /// Allows the login over these types of connection. Every other type that no call names is
    /// denied.
    ///
    /// The host checks [`Client::connection_type`](crate::Client::connection_type); servers would
    /// not. `LEAFNODE_WS` and `MQTT_WS` are possible here, and no login is of these types.
    ///
    /// ```
    /// use portcullis_sdk::{ConnectionType, Permit};
    ///
    /// let permit = Permit::new("APP").allow_connection_types([ConnectionType::WebSocket]);
    /// assert!(permit.problems().is_empty());
    /// ```
    pub fn allow_connection_types(
        mut self,
        types: impl IntoIterator<Item = impl Into<ConnectionType>>,
    ) -> Self {
        let known = self.bounds.connection_types.get_or_insert_default();
        known.extend(types.into_iter().map(|word| word.into().into()));
        self
    }

    /// Allows the login in these parts of every day, from start to end (`HH:MM:SS`). Every other
    /// time that no call names is denied. The server closes the connection at the end.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP").allow_times([("08:00:00", "12:00:00"), ("13:00:00", "18:00:00")]);
    /// assert!(permit.problems().is_empty());
    /// ```
    pub fn allow_times(mut self, ranges: impl IntoIterator<Item = impl Into<TimeRange>>) -> Self {
        let times = self.bounds.times.get_or_insert_default();
        times.extend(ranges.into_iter().map(Into::into));
        self
    }

    /// Sets the time zone of the times, by its name in the IANA database. Default: the server's own
    /// time zone.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP")
    ///     .allow_times([("08:00:00", "18:00:00")])
    ///     .with_times_location("Europe/Berlin");
    /// assert_eq!(permit.times_location(), Some("Europe/Berlin"));
    /// ```
    pub fn with_times_location(mut self, zone: impl Into<String>) -> Self {
        self.bounds.times_location = Some(zone.into());
        self
    }

    /// Requires a trusted proxy for the login. Servers enforce this from 2.12 on.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert!(Permit::new("APP").require_proxy().proxy_required());
    /// ```
    pub fn require_proxy(mut self) -> Self {
        self.bounds.proxy_required = true;
        self
    }

    /// Limits the number of simultaneous subscriptions of the login, 1 to 2147483647. The smallest
    /// limit wins. Servers enforce it from 2.14.10 and 2.15.3 on; the host denies the login at
    /// older servers.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").limit_subscriptions(100).subscriptions(), Some(100));
    /// ```
    pub fn limit_subscriptions(mut self, max: u32) -> Self {
        self.bounds.subscriptions = Some(smallest(self.bounds.subscriptions, max));
        self
    }

    /// Limits the size of a message in bytes, 1 to 2147483647. The smallest limit wins. Servers
    /// enforce it from 2.14.10 and 2.15.3 on; the host denies the login at older servers.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").limit_payload(64 << 10).payload(), Some(65_536));
    /// ```
    pub fn limit_payload(mut self, bytes: u32) -> Self {
        self.bounds.payload = Some(smallest(self.bounds.payload, bytes));
        self
    }

    /// Returns the networks that the login may come from; `None` if the permit does not bound them.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").sources(), None);
    /// let permit = Permit::new("APP").allow_sources(["10.0.0.0/8"]);
    /// assert_eq!(permit.sources().unwrap(), ["10.0.0.0/8"]);
    /// ```
    pub fn sources(&self) -> Option<&[String]> {
        self.bounds.sources.as_deref()
    }

    /// Returns the types of connection that the login may use; `None` if the permit does not bound
    /// them.
    ///
    /// ```
    /// use portcullis_sdk::{ConnectionType, Permit};
    ///
    /// let permit = Permit::new("APP").allow_connection_types(["mqtt"]);
    /// assert_eq!(permit.connection_types().unwrap(), [ConnectionType::Mqtt]);
    /// ```
    pub fn connection_types(&self) -> Option<Vec<ConnectionType>> {
        let words = self.bounds.connection_types.as_ref()?;
        Some(words.iter().map(ConnectionType::from).collect())
    }

    /// Returns the parts of every day in which the login is allowed; `None` if the permit does not
    /// bound them.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP").allow_times([("08:00:00", "18:00:00")]);
    /// assert_eq!(permit.times().unwrap()[0].start, "08:00:00");
    /// ```
    pub fn times(&self) -> Option<&[TimeRange]> {
        self.bounds.times.as_deref()
    }

    /// Returns the time zone of the times; `None` means the server's own.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").with_times_location("UTC").times_location(), Some("UTC"));
    /// ```
    pub fn times_location(&self) -> Option<&str> {
        self.bounds.times_location.as_deref()
    }

    /// Returns whether the login must come through a trusted proxy.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert!(!Permit::new("APP").proxy_required());
    /// ```
    pub const fn proxy_required(&self) -> bool {
        self.bounds.proxy_required
    }

    /// Returns the maximum number of simultaneous subscriptions; `None` if the permit does not
    /// limit it.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP").limit_subscriptions(9).limit_subscriptions(7);
    /// assert_eq!(permit.subscriptions(), Some(7));
    /// ```
    pub const fn subscriptions(&self) -> Option<u32> {
        self.bounds.subscriptions
    }

    /// Returns the maximum size of a message in bytes; `None` if the permit does not limit it.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").payload(), None);
    /// ```
    pub const fn payload(&self) -> Option<u32> {
        self.bounds.payload
    }
}

fn smallest(known: Option<u32>, new: u32) -> u32 {
    known.map_or(new, |known| known.min(new))
}
