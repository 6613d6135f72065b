//! One connection: the TLS handshake, then requests one after the other.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use crate::closed::Closed;
use crate::options::ListenerOptions;
use crate::peer::{Peer, described};

/// Maximum number of headers in a request.
const MAX_HEADERS: usize = 64;
/// Maximum size of a request's head, in bytes. A token has at most 16 KiB.
const MAX_HEAD: usize = 32 * 1024;

/// The server of connections.
#[derive(Clone)]
pub(crate) struct Connections {
    router: Router,
    tls: Option<TlsAcceptor>,
    options: ListenerOptions,
    /// Whether connections finish their request in progress and close.
    stopping: watch::Receiver<bool>,
}

impl Connections {
    pub(crate) const fn new(
        router: Router,
        tls: Option<TlsAcceptor>,
        options: ListenerOptions,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            router,
            tls,
            options,
            stopping,
        }
    }

    /// Serves the connection from `address` until it ends. Returns why the listener closed it, or
    /// `None` if the client did.
    pub(crate) async fn serve(self, stream: TcpStream, address: SocketAddr) -> Option<Closed> {
        let Some(tls) = self.tls.clone() else {
            return self.requests(stream, Peer { address, tls: None }).await;
        };
        match timeout(self.options.idle_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let tls = Some(described(stream.get_ref().1));
                self.requests(stream, Peer { address, tls }).await
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, client.host = %address.ip(), "no tls handshake");
                Some(Closed::Handshake)
            }
            Err(_) => Some(Closed::Handshake),
        }
    }

    async fn requests(
        mut self,
        stream: impl AsyncRead + AsyncWrite + Send + 'static,
        peer: Peer,
    ) -> Option<Closed> {
        let host = peer.address.ip();
        let router = TowerToHyperService::new(self.router);
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer.clone());
            hyper::service::Service::call(&router, request)
        });
        // hyper has no limit on the time that a client takes to read.
        let mut stream = Box::pin(TimeoutStream::new(stream));
        stream
            .as_mut()
            .set_write_timeout_pinned(Some(self.options.idle_timeout));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.options.idle_timeout)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let aged = tokio::select! {
            ended = connection.as_mut() => return closed_by(ended, host),
            () = sleep(self.options.max_connection_age) => true,
            // The channel only closes when the listener stops.
            _ = self.stopping.wait_for(|stopping| *stopping) => false,
        };
        connection.as_mut().graceful_shutdown();
        // A request takes no longer than its time limit.
        match timeout(self.options.request_timeout, connection).await {
            Ok(ended) => closed_by(ended, host).or_else(|| aged.then_some(Closed::Age)),
            Err(_) => aged.then_some(Closed::Age),
        }
    }
}

/// Returns why the listener closed a connection. `None` if the client did.
fn closed_by(ended: Result<(), hyper::Error>, host: std::net::IpAddr) -> Option<Closed> {
    let error = ended.err()?;
    if error.is_timeout() {
        return Some(Closed::Idle);
    }
    // Only writes have a time limit of their own.
    let mut causes = std::iter::successors(error.source(), |error| (*error).source());
    let is_late = |cause: &(dyn Error + 'static)| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    };
    if causes.any(is_late) {
        return Some(Closed::Unread);
    }
    tracing::debug!(%error, client.host = %host, "http connection ended");
    None
}
