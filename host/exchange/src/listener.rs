//! The listener: HTTP/1.1 with or without TLS, with limits on everything that peers decide.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::Authorizer;
use portcullis_environment::Clock;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::addresses::Addresses;
use crate::closed::Closed;
use crate::connection::Connections;
use crate::exchange::{Exchange, Shared};

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
        let options = &shared.options;
        let room = Arc::new(Semaphore::new(options.max_connections));
        let addresses = Addresses::new(options.max_connections_per_address);
        let stop = watch::Sender::new(false);
        let (router, tls) = (exchange.router(), self.tls);
        let connections = Connections::new(router, tls, options, stop.subscribe());
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
            let Some(of_address) = addresses.enter(address.ip()) else {
                shared.closed(Closed::TooManyOfAddress, address);
                continue;
            };
            let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                shared.closed(Closed::TooMany, address);
                continue;
            };
            let (connections, shared) = (connections.clone(), Arc::clone(shared));
            tokio::spawn(async move {
                let _places = (place, of_address);
                if let Some(closed) = connections.serve(stream, address).await {
                    shared.closed(closed, address);
                }
            });
        }
        drop(self.listener);
        drop(connections);
        stop.send_replace(true);
        // A request takes no longer than its time limit. Every connection holds a receiver.
        let finished = tokio::time::timeout(options.request_timeout, stop.closed());
        if finished.await.is_err() {
            tracing::warn!("exchange requests not finished");
        }
    }
}

impl<A, C: Clock> Shared<A, C> {
    /// Records a connection from `address` that the exchange closed.
    fn closed(&self, closed: Closed, address: SocketAddr) {
        self.counters.connection_closed(closed);
        let now = self.clock.now();
        self.refusals.connection(closed, address.ip(), now);
    }
}
