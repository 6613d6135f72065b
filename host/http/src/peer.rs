//! The client of a connection.

use std::net::SocketAddr;

use portcullis_core::ClientTls;
use rustls::{ProtocolVersion, ServerConnection};

/// The HTTP client of a connection. The listener adds it to the extensions of each request.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Address of the client, or of a proxy in between.
    pub address: SocketAddr,
    /// The TLS connection. `None` without TLS.
    pub tls: Option<ClientTls>,
}

/// Describes a TLS connection as servers describe theirs. The listener asks for no certificate.
pub(crate) fn described(connection: &ServerConnection) -> ClientTls {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "1.2",
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        _ => "",
    };
    let cipher = connection.negotiated_cipher_suite();
    let cipher = cipher.and_then(|cipher| cipher.suite().as_str());
    ClientTls {
        version: version.to_owned(),
        // rustls begins the names of TLS 1.3 with `TLS13_`, servers with `TLS_`.
        cipher: cipher.unwrap_or_default().replacen("TLS13_", "TLS_", 1),
        verified: false,
        chains: Vec::new(),
    }
}
