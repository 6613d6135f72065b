//! Ways in which a connection reaches its server.

use std::net::{IpAddr, Ipv6Addr};

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

/// Returns whether the host of a URL is this machine: a loopback address, which is in brackets for
/// IPv6, or `localhost`.
pub fn is_own_host(host: &str) -> bool {
    let unbracketed = host
        .strip_prefix('[')
        .and_then(|address| address.strip_suffix(']'));
    let address = unbracketed.unwrap_or(host).parse::<IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn own_hosts_are_loopback_addresses_and_localhost() {
        for host in ["127.0.0.1", "127.8.0.1", "[::1]", "localhost"] {
            assert!(is_own_host(host), "{host}");
        }
        for host in ["192.0.2.7", "[2001:db8::1]", "localhost.example", ""] {
            assert!(!is_own_host(host), "{host}");
        }
    }
}
