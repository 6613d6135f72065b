//! Ways in which a connection reaches its server.

use std::fmt;
use std::str::FromStr;

use crate::Client;
use crate::text::{serde_as_text, shown};

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

/// A kind of connection, as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// A client.
    Client,
    /// A leafnode.
    Leafnode,
    /// A kind that this host does not know.
    Other(Box<str>),
}

/// A transport of a connection, as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// The protocol of NATS over TCP, TLS or inside the server's process.
    Nats,
    /// The protocol of NATS over WebSocket.
    Websocket,
    /// MQTT.
    Mqtt,
    /// A transport that this host does not know.
    Other(Box<str>),
}

impl ClientKind {
    /// Returns the name in requests.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Client => "Client",
            Self::Leafnode => "Leafnode",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for ClientKind {
    fn from(name: String) -> Self {
        match name.as_str() {
            "Client" => Self::Client,
            "Leafnode" => Self::Leafnode,
            _ => Self::Other(name.into()),
        }
    }
}

impl Transport {
    /// Returns the name in requests.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Nats => "nats",
            Self::Websocket => "websocket",
            Self::Mqtt => "mqtt",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for Transport {
    fn from(name: String) -> Self {
        match name.as_str() {
            "nats" => Self::Nats,
            "websocket" => Self::Websocket,
            "mqtt" => Self::Mqtt,
            _ => Self::Other(name.into()),
        }
    }
}

/// A text that names no connection type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown connection type `{text}`: expected STANDARD, WEBSOCKET, LEAFNODE, LEAFNODE_WS, MQTT, MQTT_WS or IN_PROCESS"
)]
pub struct InvalidConnectionType {
    text: String,
}

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

serde_as_text!(ConnectionType);

impl Client {
    /// Returns how the connection reaches its server, as far as the request says. `None` for
    /// unknown kinds and transports.
    ///
    /// A request says `Client` or `Leafnode`, and for a client `nats`, `websocket` or `mqtt`. It
    /// does not say whether MQTT or a leafnode runs over WebSocket. The result is then
    /// [`Mqtt`](ConnectionType::Mqtt) or [`Leafnode`](ConnectionType::Leafnode). So a permit that
    /// names only [`MqttWs`](ConnectionType::MqttWs) or [`LeafnodeWs`](ConnectionType::LeafnodeWs)
    /// admits no client.
    ///
    /// A client in the server's own process has no address, which distinguishes it from a standard
    /// client.
    pub fn connection_type(&self) -> Option<ConnectionType> {
        match (self.kind.as_ref()?, self.transport.as_ref()) {
            (ClientKind::Leafnode, _) => Some(ConnectionType::Leafnode),
            (ClientKind::Client, Some(Transport::Nats)) if self.host.is_none() => {
                Some(ConnectionType::InProcess)
            }
            (ClientKind::Client, Some(Transport::Nats)) => Some(ConnectionType::Standard),
            (ClientKind::Client, Some(Transport::Websocket)) => Some(ConnectionType::Websocket),
            (ClientKind::Client, Some(Transport::Mqtt)) => Some(ConnectionType::Mqtt),
            (ClientKind::Client, Some(Transport::Other(_)) | None) | (ClientKind::Other(_), _) => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(kind: Option<&str>, transport: Option<&str>) -> Client {
        Client {
            host: Some("127.0.0.1".to_owned()),
            kind: kind.map(|kind| kind.to_owned().into()),
            transport: transport.map(|transport| transport.to_owned().into()),
            ..Client::default()
        }
    }

    #[test]
    fn the_request_tells_what_kind_of_connection_asks() {
        let told = [
            (Some("Client"), Some("nats"), Some(ConnectionType::Standard)),
            (
                Some("Client"),
                Some("websocket"),
                Some(ConnectionType::Websocket),
            ),
            (Some("Client"), Some("mqtt"), Some(ConnectionType::Mqtt)),
            (Some("Leafnode"), None, Some(ConnectionType::Leafnode)),
            (Some("Client"), None, None),
            (Some("Client"), Some("quic"), None),
            (Some("JetStream"), Some("nats"), None),
            (None, Some("nats"), None),
        ];
        for (kind, transport, expected) in told {
            let found = client(kind, transport).connection_type();
            assert_eq!(found, expected, "{kind:?} {transport:?}");
        }
    }

    #[test]
    fn a_client_without_an_address_is_in_the_servers_process() {
        let client = Client {
            host: None,
            ..client(Some("Client"), Some("nats"))
        };
        assert_eq!(client.connection_type(), Some(ConnectionType::InProcess));
    }

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
