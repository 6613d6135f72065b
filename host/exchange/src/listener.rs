//! The listener: HTTP/1.1 with or without TLS, with limits on everything that peers decide.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use portcullis_core::Authorizer;
use portcullis_environment::Clock;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::connection::serve;
use crate::exchange::Exchange;

/// Delay after a failed accept, because the process may have no free file descriptors.
const RECOVERY: Duration = Duration::from_millis(100);

/// The listener of an exchange.
pub struct ExchangeListener {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

/// The address of `[exchange]` is in use, or not one of this machine.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{address}`, which is `listen` under [exchange]")]
pub struct CannotListen {
    address: SocketAddr,
    source: io::Error,
}

impl fmt::Debug for ExchangeListener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExchangeListener")
            .field("address", &self.address)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

impl ExchangeListener {
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
        Ok(Self {
            listener,
            address,
            tls: tls.map(TlsAcceptor::from),
        })
    }

    /// Returns the address that the listener listens on. The system chose the port if none was
    /// given.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves connections until `shutdown` completes, then finishes the requests in progress.
    pub async fn run<A: Authorizer, C: Clock + Clone>(
        self,
        exchange: Exchange<A, C>,
        shutdown: impl Future<Output = ()>,
    ) {
        let shared = &exchange.shared;
        let room = Arc::new(Semaphore::new(shared.options.max_connections));
        let graceful = GracefulShutdown::new();
        let router = exchange.router();
        tokio::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut shutdown => break,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "exchange connection not accepted");
                    tokio::time::sleep(RECOVERY).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                shared.counters.connection_refused();
                continue;
            };
            let (router, tls) = (router.clone(), self.tls.clone());
            let idle_timeout = shared.options.idle_timeout;
            let watcher = graceful.watcher();
            tokio::spawn(async move {
                serve(stream, address, tls, router, idle_timeout, watcher).await;
                drop(place);
            });
        }
        drop(self.listener);
        // A request takes no longer than its time limit.
        let limit = shared.options.request_timeout;
        if tokio::time::timeout(limit, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("exchange requests not finished");
        }
    }
}
