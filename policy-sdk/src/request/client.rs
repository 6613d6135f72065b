//! The connection.

use super::{Facts, questions};

/// What the server says about the connection. What it sees for itself is the address, the id, the kind, the transport and
/// what is said of TLS; every other answer is the client's own claim.
#[derive(Clone, Copy, Debug)]
pub struct Client<'request> {
    pub(super) facts: &'request Facts,
}

impl Client<'_> {
    questions! { client:
        /// The address the client connects from, as the server sees it, without the port.
        host -> Option<String>;
        /// The connection's id on its server (`cid`).
        id -> u64;
        /// The user as the server shows it in its own logs: the nkey, else the user name.
        user -> Option<String>;
        /// The connection name the client gave.
        name -> Option<String>;
        /// `Client` or `Leafnode`.
        kind -> Option<String>;
        /// `nats`, `websocket` or `mqtt`; absent for leafnodes.
        transport -> Option<String>;
        /// The MQTT client id.
        mqtt_id -> Option<String>;
        /// The client library's language.
        lang -> Option<String>;
        /// The client library's version.
        version -> Option<String>;
        /// Tags of the user JWT the client presented (operator mode).
        tags -> Vec<String>;
        /// The `name` of the user JWT the client presented (operator mode).
        name_tag -> Option<String>;
        /// How the connection reaches its server: `STANDARD`, `WEBSOCKET`, `LEAFNODE`, `MQTT` or `IN_PROCESS`. Whether MQTT or a
        /// leafnode runs over WebSocket cannot be told.
        connection_type -> Option<String>;
        /// The version of TLS, for example `1.3`.
        tls_version -> Option<String>;
        /// The cipher suite of TLS.
        tls_cipher -> Option<String>;
    }
}
