//! Ways in which a connection reaches its server.

use std::net::{IpAddr, Ipv6Addr};

use portcullis_permit_rules::ConnectionType;

use crate::Client;

/// A kind of connection, as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// A client.
    Client,
    /// A leafnode.
    Leafnode,
    /// A request to the host's token exchange, over HTTP. No request of a server names this kind.
    Exchange,
    /// The request of an account that signed itself to be signed by the operator. No request of a
    /// server names this kind.
    AccountRequest,
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

/// Returns the part of an address that limits on one client count by: an IPv4 address, or the
/// network of an IPv6 address. A network assigns at least a /64 to a client.
pub fn client_network(address: IpAddr) -> IpAddr {
    const IPV6_NETWORK: u128 = !0 << 64;
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & IPV6_NETWORK)),
        address @ IpAddr::V4(_) => address,
    }
}

/// Returns the address in a text of a server, without the zone of IPv6. `None` if the text is no
/// address.
pub fn client_address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    let (address, _zone) = text.split_once('%')?;
    address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

impl ClientKind {
    /// Returns the kind with this name, those of the host's own front doors included. For texts of
    /// the operator: a request of a server never names one of the host's own kinds.
    pub fn from_name(name: String) -> Self {
        let own = [Self::Exchange, Self::AccountRequest];
        let found = own.into_iter().find(|kind| kind.as_str() == name);
        found.unwrap_or_else(|| Self::from(name))
    }

    /// Returns the name in requests, `exchange` for the token exchange, and `account-request` for
    /// accounts that signed themselves.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Client => "Client",
            Self::Leafnode => "Leafnode",
            Self::Exchange => "exchange",
            Self::AccountRequest => "account-request",
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

impl Client {
    /// Returns whether the request came to the token exchange and not from a server. The NATS
    /// connections that its user JWT is for are not known yet.
    pub fn is_exchange(&self) -> bool {
        self.kind == Some(ClientKind::Exchange)
    }

    /// Returns whether an account that signed itself asks for the operator's signature. No login is
    /// meant, and no server asks.
    pub fn is_account_request(&self) -> bool {
        self.kind == Some(ClientKind::AccountRequest)
    }

    /// Returns the client's address without the zone of IPv6. `None` if the server sent none, as
    /// for connections inside its own process.
    pub fn address(&self) -> Option<IpAddr> {
        client_address(self.host.as_deref()?)
    }

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
            (ClientKind::Client, Some(Transport::Other(_)) | None)
            | (ClientKind::Exchange | ClientKind::AccountRequest | ClientKind::Other(_), _) => None,
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
            (Some("exchange"), Some("nats"), None),
            (None, Some("nats"), None),
        ];
        for (kind, transport, expected) in told {
            let found = client(kind, transport).connection_type();
            assert_eq!(found, expected, "{kind:?} {transport:?}");
        }
    }

    #[test]
    fn an_ipv6_client_is_counted_by_its_network() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            let network = client_network(address.parse().unwrap());
            assert_eq!(network.to_string(), expected);
        }
    }

    #[test]
    fn no_server_asks_as_the_exchange() {
        let asked = client(Some(ClientKind::Exchange.as_str()), None);
        assert!(!asked.is_exchange());
        let exchange = Client {
            kind: Some(ClientKind::Exchange),
            ..Client::default()
        };
        assert!(exchange.is_exchange());
        assert_eq!(exchange.connection_type(), None);
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
    fn an_address_has_no_zone_and_no_port() {
        let address = |host: &str| {
            let client = Client {
                host: Some(host.to_owned()),
                ..Client::default()
            };
            client.address()
        };
        assert_eq!(address("10.0.0.1"), "10.0.0.1".parse().ok());
        assert_eq!(address("fe80::1%eth0"), "fe80::1".parse().ok());
        for host in ["", "localhost", "10.0.0.1%eth0", "10.0.0.1:4222", "pipe"] {
            assert_eq!(address(host), None, "{host}");
        }
    }
}
