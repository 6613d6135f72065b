//! The listener: HTTP/1.1 with or without TLS, with limits on everything that peers decide.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use super::Resolver;
use super::guard::Peer;
use super::options::ResolverOptions;
use super::places::Places;

/// Delay after a failed accept, because the process may have no free file descriptors.
const RECOVERY: Duration = Duration::from_millis(100);
/// Maximum number of headers in a request.
const MAX_HEADERS: usize = 64;
/// Maximum size of a request's head, in bytes.
const MAX_HEAD: usize = 32 * 1024;

/// The HTTP listener of a resolver.
pub struct ResolverListener {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

/// The address of the resolver is in use, or not one of this machine.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{address}`")]
pub struct CannotListen {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// The server of connections.
#[derive(Clone)]
struct Connections {
    router: Router,
    tls: Option<TlsAcceptor>,
    options: ResolverOptions,
    /// Whether connections finish their request in progress and close.
    stopping: watch::Receiver<bool>,
}

impl ResolverListener {
    /// Listens on `address`, with TLS if `tls` is given.
    ///
    /// # Errors
    ///
    /// Fails if the address is in use or not one of this machine.
    pub async fn bind(
        address: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<Self, CannotListen> {
        let failed = |source| CannotListen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let tls = tls.map(TlsAcceptor::from);
        Ok(Self {
            listener,
            address,
            tls,
        })
    }

    /// Returns the address that the listener listens on. The system chose the port if none was
    /// given.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves connections until `shutdown` completes, then finishes the requests in progress.
    pub async fn run(self, resolver: Resolver, shutdown: impl Future<Output = ()>) {
        let options = resolver.shared.options.clone();
        let limit = options.request_timeout;
        let places = Places::new(&options);
        let stop = watch::Sender::new(false);
        let connections = Connections {
            router: resolver.router(),
            tls: self.tls,
            options,
            stopping: stop.subscribe(),
        };
        tokio::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut shutdown => break,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "resolver connection not accepted");
                    sleep(RECOVERY).await;
                    continue;
                }
            };
            let Some(place) = places.enter(address.ip()) else {
                tracing::debug!(client.host = %address.ip(), "too many resolver connections");
                continue;
            };
            let connections = connections.clone();
            tokio::spawn(async move {
                let _place = place;
                connections.serve(stream, address).await;
            });
        }
        drop(self.listener);
        drop(connections);
        stop.send_replace(true);
        // A request takes no longer than its time limit. Every connection holds a receiver.
        if timeout(limit, stop.closed()).await.is_err() {
            tracing::warn!("resolver requests not finished");
        }
    }
}

impl Connections {
    async fn serve(self, stream: TcpStream, address: SocketAddr) {
        let Some(tls) = self.tls.clone() else {
            return self.requests(stream, address).await;
        };
        match timeout(self.options.idle_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.requests(stream, address).await,
            Ok(Err(error)) => {
                tracing::debug!(%error, client.host = %address.ip(), "no tls handshake");
            }
            Err(_) => tracing::debug!(client.host = %address.ip(), "tls handshake too slow"),
        }
    }

    async fn requests(
        mut self,
        stream: impl AsyncRead + AsyncWrite + Send + 'static,
        address: SocketAddr,
    ) {
        let router = TowerToHyperService::new(self.router);
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(Peer(address));
            router.call(request)
        });
        let idle = self.options.idle_timeout;
        // hyper has no limit on the time that a client takes to read.
        let mut stream = Box::pin(TimeoutStream::new(stream));
        stream.as_mut().set_write_timeout_pinned(Some(idle));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(idle)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            // The channel only closes when the resolver stops.
            () = async { drop(self.stopping.wait_for(|stopping| *stopping).await) } => None,
        };
        let ended = if let Some(ended) = ended {
            ended
        } else {
            connection.as_mut().graceful_shutdown();
            // A request takes no longer than its time limit.
            let limit = self.options.request_timeout;
            timeout(limit, connection).await.unwrap_or(Ok(()))
        };
        if let Err(error) = ended {
            tracing::debug!(%error, client.host = %address.ip(), "resolver connection ended");
        }
    }
}

impl fmt::Debug for ResolverListener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ResolverListener")
            .field("address", &self.address)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}
