//! The connection that a request is about.

use std::net::IpAddr;

use portcullis_permit_rules::ConnectionType;

use crate::account::AccountName;
use crate::connection::{ClientKind, Transport, client_address};

/// The connection that a request is about (`client_info`, and the library's fields of
/// `connect_opts`).
///
/// The server observes `host`, `id`, `kind`, `transport`, `nonce` and `tls`. The client claims the
/// rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Address of the client, without port.
    pub host: Option<String>,
    /// Id of the connection on its server.
    pub id: u64,
    /// User as the server shows it. Never a token: servers before 2.11.7 put a bare token here, and
    /// the decoder replaces it by `[REDACTED]` as later servers do.
    pub user: Option<String>,
    /// Name of the connection.
    pub name: Option<String>,
    /// Kind of the connection.
    pub kind: Option<ClientKind>,
    /// Transport of the connection (the field `type`).
    pub transport: Option<Transport>,
    /// MQTT client id.
    pub mqtt_id: Option<String>,
    /// Language of the client library.
    pub lang: Option<String>,
    /// Version of the client library.
    pub version: Option<String>,
    /// Tags of the presented user JWT (operator mode).
    pub tags: Vec<String>,
    /// Field `name` of the presented user JWT (operator mode).
    pub name_tag: Option<String>,
    /// Nonce that the client's signature covers.
    pub nonce: Option<String>,
    /// TLS connection of the client. `None` without TLS, and if TLS ends in front of the server.
    pub tls: Option<ClientTls>,
    /// Account that a caller of the token exchange asks for. Requests of servers have none.
    pub wanted_account: Option<WantedAccount>,
}

/// The account that a caller of the token exchange asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedAccount {
    /// Account: its name in the host's configuration, or its public nkey (`A…`).
    pub account: AccountName,
    /// Scope of the caller's token that lets the caller choose the account itself. Without the
    /// scope, the policy's account has to be the wanted one.
    pub scope: String,
    /// Whether a caller without the scope is denied before any policy runs.
    pub needs_scope: bool,
}

/// The TLS connection of a client, as the server describes it (`client_tls`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// TLS version, for example `1.3`.
    pub version: String,
    /// Cipher suite. Its spelling changed with nats-server 2.12.
    pub cipher: String,
    /// Whether the server verified the client's certificate.
    pub verified: bool,
    /// Certificates of the client in PEM, each chain with the leaf first. Empty without a
    /// certificate.
    ///
    /// If [`verified`](Self::verified), the chains are those that the server built and verified.
    /// Otherwise, there is one chain, as the client sent it.
    pub chains: Vec<Vec<String>>,
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
