//! Facts about the connection.

use super::Facts;
use super::questions::questions;
use crate::names::{ClientKind, ConnectionType, Transport};

/// The facts that the server sends about the connection.
///
/// The server itself determines the address, the id, the kind, the transport and the TLS
/// parameters. The connection type follows from kind and transport. The tags and the name tag are
/// those of the presented user JWT. Every other answer is the client's own claim.
#[derive(Clone, Copy, Debug)]
pub struct Client<'request> {
    pub(super) facts: &'request Facts,
}

impl Client<'_> {
    questions! { client:
        /// Returns the address that the client connects from, as the server sees it, without the
        /// port. The host leaves out the zone of IPv6, and writes IPv4 as such.
        host -> Option<String>
            => [client_host("10.0.0.1")] request.client().host().as_deref(), Some("10.0.0.1");
        /// Returns the connection's id on its server (`cid`).
        id -> u64 => [client_id(7)] request.client().id(), 7;
        /// Returns the user as the server shows it in its own logs: the nkey, else the user name.
        user -> Option<String>
            => [client_user("alice")] request.client().user().as_deref(), Some("alice");
        /// Returns the connection name that the client gave.
        name -> Option<String>
            => [client_name("billing")] request.client().name().as_deref(), Some("billing");
        /// Returns the kind of the connection.
        kind -> Option<ClientKind> = ClientKind::from
            => [client_kind(ClientKind::Leafnode)] request.client().kind(), Some(ClientKind::Leafnode);
        /// Returns the protocol of a client; `None` for leafnodes.
        transport -> Option<Transport> = Transport::from
            => [client_transport(Transport::Mqtt)] request.client().transport(), Some(Transport::Mqtt);
        /// Returns the MQTT client id.
        mqtt_id -> Option<String>
            => [client_mqtt_id("sensor7")] request.client().mqtt_id().as_deref(), Some("sensor7");
        /// Returns the language of the client library.
        lang -> Option<String>
            => [client_lang("rust")] request.client().lang().as_deref(), Some("rust");
        /// Returns the version of the client library.
        version -> Option<String>
            => [client_version("0.51.0")] request.client().version().as_deref(), Some("0.51.0");
        /// Returns the tags of the user JWT that the client presented (operator mode).
        tags -> Vec<String> => [client_tags(["team:a"])] request.client().tags(), ["team:a"];
        /// Returns the `name` of the user JWT that the client presented (operator mode).
        name_tag -> Option<String>
            => [client_name_tag("sentinel")] request.client().name_tag().as_deref(), Some("sentinel");
        /// Returns how the connection reaches its server; `None` for kinds and transports that the
        /// host does not know. The server does not say whether MQTT or a leafnode runs over
        /// WebSocket.
        connection_type -> Option<ConnectionType> = ConnectionType::from
            => [client_connection_type(ConnectionType::WebSocket)]
            request.client().connection_type(), Some(ConnectionType::WebSocket);
        /// Returns the version of TLS, for example `1.3`; `None` without TLS.
        tls_version -> Option<String>
            => [client_tls("1.3", "TLS_AES_128_GCM_SHA256")] request.client().tls_version().as_deref(), Some("1.3");
        /// Returns the cipher suite of TLS; `None` without TLS.
        tls_cipher -> Option<String>
            => [client_tls("1.3", "TLS_AES_128_GCM_SHA256")]
            request.client().tls_cipher().as_deref(), Some("TLS_AES_128_GCM_SHA256");
    }
}
