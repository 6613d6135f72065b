//! One connection: the TLS handshake, then requests one after the other.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use hyper_util::service::TowerToHyperService;
use portcullis_core::ClientTls;
use rustls::ProtocolVersion;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::context::Peer;

/// Maximum number of headers in a request.
const MAX_HEADERS: usize = 64;
/// Maximum size of a request's head, in bytes. A token has at most 16 KiB.
const MAX_HEAD: usize = 32 * 1024;

/// Serves the connection from `address` until it closes, or is silent for `idle_timeout`.
pub(crate) async fn serve(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    idle_timeout: Duration,
    watcher: Watcher,
) {
    let Some(tls) = tls else {
        let peer = Peer { address, tls: None };
        return requests(stream, peer, router, idle_timeout, watcher).await;
    };
    match timeout(idle_timeout, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            let tls = Some(described(&stream));
            let peer = Peer { address, tls };
            requests(stream, peer, router, idle_timeout, watcher).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, client.host = %address.ip(), "no tls handshake"),
        Err(_) => tracing::debug!(client.host = %address.ip(), "tls handshake took too long"),
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    router: Router,
    idle_timeout: Duration,
    watcher: Watcher,
) {
    let host = peer.address.ip();
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer.clone());
        hyper::service::Service::call(&router, request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, client.host = %host, "exchange connection ended");
    }
}

/// Describes the connection as servers describe theirs. The exchange asks for no certificate.
fn described(stream: &TlsStream<TcpStream>) -> ClientTls {
    let (_, connection) = stream.get_ref();
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
