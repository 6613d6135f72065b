//! The listener: accepts connections within the limits on their number, until it is stopped.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::addresses::Addresses;
use crate::closed::Closed;
use crate::connection::Connections;
use crate::options::ListenerOptions;
use crate::tls::ServerTls;

/// Delay after a failed accept, because the process may have no free file descriptors.
const RECOVERY: Duration = Duration::from_millis(100);

/// A listener for HTTP/1.1.
#[derive(Debug)]
pub struct HttpListener {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<ServerTls>,
}

/// An address that is in use, or not one of this machine.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{address}`")]
pub struct CannotListen {
    address: SocketAddr,
    source: io::Error,
}

/// The front door of a listener, which counts and logs the events of its connections.
pub trait Observer: Send + Sync + 'static {
    /// Records that the listener closed a connection from `address` before its client did.
    fn closed(&self, reason: Closed, address: SocketAddr);

    /// Records that a connection could not be accepted. The listener goes on.
    fn not_accepted(&self, error: &io::Error);

    /// Records that requests still went on at their time limit, when the listener ended.
    fn not_finished(&self);
}

impl HttpListener {
    /// Listens on `address`, with TLS if `tls` is given.
    ///
    /// # Errors
    ///
    /// Fails if the address is in use or not one of this machine.
    pub async fn bind(address: SocketAddr, tls: Option<ServerTls>) -> Result<Self, CannotListen> {
        let failed = |source| CannotListen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
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

    /// Returns whether connections use TLS.
    pub const fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves `router` until `shutdown` completes, then finishes the requests in progress.
    pub async fn run(
        self,
        router: Router,
        options: ListenerOptions,
        observer: Arc<impl Observer>,
        shutdown: impl Future<Output = ()>,
    ) {
        let room = Arc::new(Semaphore::new(
            options.max_connections.min(Semaphore::MAX_PERMITS),
        ));
        let addresses = Addresses::new(options.max_connections_per_address);
        let stop = watch::Sender::new(false);
        let tls = self.tls.as_ref().map(ServerTls::acceptor);
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
                    observer.not_accepted(&error);
                    tokio::time::sleep(RECOVERY).await;
                    continue;
                }
            };
            let Some(of_address) = addresses.enter(address.ip()) else {
                observer.closed(Closed::TooManyOfAddress, address);
                continue;
            };
            let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                observer.closed(Closed::TooMany, address);
                continue;
            };
            let (connections, observer) = (connections.clone(), Arc::clone(&observer));
            tokio::spawn(async move {
                let _places = (place, of_address);
                if let Some(closed) = connections.serve(stream, address).await {
                    observer.closed(closed, address);
                }
            });
        }
        drop(self.listener);
        drop(connections);
        stop.send_replace(true);
        // Every connection holds a receiver.
        let finished = tokio::time::timeout(options.request_timeout, stop.closed());
        if finished.await.is_err() {
            observer.not_finished();
        }
    }
}
