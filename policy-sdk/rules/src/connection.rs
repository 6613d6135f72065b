//! Ways in which a connection reaches its server.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::shown;

/// A way in which a connection reaches its server, with the names of `allowed_connection_types`.
///
/// Servers before 2.14.9 and 2.15.2 parse that list of a user JWT but do not enforce it for logins
/// through auth callout. The host enforces it for all servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConnectionType {
    /// A NATS client over TCP or TLS.
    Standard,
    /// A NATS client over WebSocket.
    Websocket,
    /// A leafnode.
    Leafnode,
    /// A leafnode over WebSocket.
    LeafnodeWs,
    /// An MQTT client.
    Mqtt,
    /// An MQTT client over WebSocket.
    MqttWs,
    /// A client in the server's own process.
    InProcess,
}

/// A text that names no connection type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidConnectionType {
    text: String,
}

impl fmt::Display for InvalidConnectionType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "unknown connection type `{}`: expected STANDARD, WEBSOCKET, LEAFNODE, LEAFNODE_WS, MQTT, \
             MQTT_WS or IN_PROCESS",
            self.text
        )
    }
}

impl Error for InvalidConnectionType {}

impl ConnectionType {
    /// All connection types.
    pub const ALL: [Self; 7] = [
        Self::Standard,
        Self::Websocket,
        Self::Leafnode,
        Self::LeafnodeWs,
        Self::Mqtt,
        Self::MqttWs,
        Self::InProcess,
    ];

    /// Returns the name in user JWTs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Websocket => "WEBSOCKET",
            Self::Leafnode => "LEAFNODE",
            Self::LeafnodeWs => "LEAFNODE_WS",
            Self::Mqtt => "MQTT",
            Self::MqttWs => "MQTT_WS",
            Self::InProcess => "IN_PROCESS",
        }
    }

    /// Returns the WebSocket variant that a request does not distinguish from this type. `None` for
    /// every type apart from MQTT and leafnodes over TCP.
    pub const fn over_websocket(self) -> Option<Self> {
        match self {
            Self::Mqtt => Some(Self::MqttWs),
            Self::Leafnode => Some(Self::LeafnodeWs),
            _ => None,
        }
    }
}

impl FromStr for ConnectionType {
    type Err = InvalidConnectionType;

    /// Parses a name of [`as_str`](Self::as_str) in any case, as servers do.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| InvalidConnectionType { text: shown(text) })
    }
}

impl fmt::Display for ConnectionType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_in_any_case() {
        for known in ConnectionType::ALL {
            assert_eq!(known.to_string().parse(), Ok(known));
            assert_eq!(known.as_str().to_ascii_lowercase().parse(), Ok(known));
        }
        let error = "BOGUS".parse::<ConnectionType>().unwrap_err();
        for known in ConnectionType::ALL {
            assert!(error.to_string().contains(known.as_str()), "{error}");
        }
    }
}
