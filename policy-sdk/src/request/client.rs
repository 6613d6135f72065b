//! Facts about the connection.

use super::{Facts, questions};

/// The facts that the server sends about the connection.
///
/// The server itself determines the address, the id, the kind, the transport and the TLS
/// parameters. Every other answer is the client's own claim.
#[derive(Clone, Copy, Debug)]
pub struct Client<'request> {
    pub(super) facts: &'request Facts,
}

impl Client<'_> {
    questions! { client:
        /// Returns the address that the client connects from, as the server sees it, without the
        /// port.
        host -> Option<String>;
        /// Returns the connection's id on its server (`cid`).
        id -> u64;
        /// Returns the user as the server shows it in its own logs: the nkey, else the user name.
        user -> Option<String>;
        /// Returns the connection name that the client gave.
        name -> Option<String>;
        /// Returns `Client` or `Leafnode`.
        kind -> Option<String>;
        /// Returns `nats`, `websocket` or `mqtt`; `None` for leafnodes.
        transport -> Option<String>;
        /// Returns the MQTT client id.
        mqtt_id -> Option<String>;
        /// Returns the language of the client library.
        lang -> Option<String>;
        /// Returns the version of the client library.
        version -> Option<String>;
        /// Returns the tags of the user JWT that the client presented (operator mode).
        tags -> Vec<String>;
        /// Returns the `name` of the user JWT that the client presented (operator mode).
        name_tag -> Option<String>;
        /// Returns how the connection reaches its server: `STANDARD`, `WEBSOCKET`, `LEAFNODE`,
        /// `MQTT` or `IN_PROCESS`; `None` for kinds and transports that the host does not know. The
        /// server does not say whether MQTT or a leafnode runs over WebSocket.
        connection_type -> Option<String>;
        /// Returns the version of TLS, for example `1.3`; `None` without TLS.
        tls_version -> Option<String>;
        /// Returns the cipher suite of TLS; `None` without TLS.
        tls_cipher -> Option<String>;
    }
}
