//! The HTTP listener: three pages, with limits on everything that clients decide.
//!
//! A connection serves one request. At the maximum number of connections, a new one replaces the
//! oldest. So a new probe gets an answer even if many connections are silent.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::page;
use super::readiness::Readiness;

/// Maximum number of concurrent connections.
const MAX_CONNECTIONS: usize = 64;
/// Maximum number of headers in a request.
const MAX_HEADERS: usize = 64;
/// Maximum size of a request's head, in bytes. hyper accepts no lower limit.
const MAX_HEAD: usize = 8 * 1024;
/// Time limit for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);
/// Time limit of a connection, which has one request and one answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// Delay after a failed accept, because the process may have no free file descriptors.
const RECOVERY: Duration = Duration::from_millis(100);

/// The HTTP server of the health pages.
#[derive(Debug)]
pub(crate) struct HealthServer {
    listener: TcpListener,
    address: SocketAddr,
}

/// The address of `[health]` is in use, or not one of this machine.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{address}`, which is `listen` under [health]")]
pub struct CannotListen {
    address: SocketAddr,
    source: io::Error,
}

/// The open connections, the oldest first.
#[derive(Debug, Default)]
struct Connections {
    tasks: JoinSet<()>,
    handles: VecDeque<AbortHandle>,
}

impl HealthServer {
    /// Listens on `address`.
    ///
    /// # Errors
    ///
    /// Fails if the address is in use or not one of this machine.
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, CannotListen> {
        let failed = |source| CannotListen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Returns the address that the server listens on. The system chose the port if none was given.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves connections for ever.
    pub(crate) async fn run(self, readiness: Arc<Readiness>) {
        let mut connections = Connections::default();
        let mut last_error = None;
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    connections.add(serve(stream, Arc::clone(&readiness)));
                    if last_error.take().is_some() {
                        tracing::info!("health connections are accepted again");
                    }
                }
                Err(error) => {
                    // A process without a free file descriptor fails ten times a second.
                    let is_new = last_error.replace(error.kind()) != Some(error.kind());
                    if is_new {
                        tracing::warn!(
                            %error,
                            "health connections not accepted: with `Too many open files`, raise the limit (`ulimit -n`, `LimitNOFILE=`)"
                        );
                    }
                    tokio::time::sleep(RECOVERY).await;
                }
            }
        }
    }
}

impl Connections {
    /// Serves a connection, and ends the oldest if there are too many.
    fn add(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.handles.retain(|handle| !handle.is_finished());
        while self.handles.len() >= MAX_CONNECTIONS {
            if let Some(oldest) = self.handles.pop_front() {
                oldest.abort();
            }
        }
        self.handles.push_back(self.tasks.spawn(connection));
    }
}

/// Serves the only request of a connection.
async fn serve(stream: TcpStream, readiness: Arc<Readiness>) {
    let service = service_fn(move |request| {
        let answer = answer(&request, &readiness);
        async move { Ok::<_, Infallible>(answer) }
    });
    let served = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(CONNECTION_TIMEOUT, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "health request not answered"),
        Err(_) => tracing::debug!("health request took too long"),
    }
}

fn answer(request: &Request<Incoming>, readiness: &Readiness) -> Response<Full<Bytes>> {
    let accept = request.headers().get(hyper::header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    page::at(request.method(), request.uri().path(), accept, readiness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_connection_makes_room_for_the_newest() {
        let mut connections = Connections::default();
        for _ in 0..MAX_CONNECTIONS {
            connections.add(std::future::pending());
        }
        let oldest = connections.handles.front().unwrap().clone();
        let second = connections.handles.get(1).unwrap().clone();
        connections.add(std::future::pending());
        while !oldest.is_finished() {
            tokio::task::yield_now().await;
        }
        assert!(!second.is_finished());
        assert_eq!(connections.handles.len(), MAX_CONNECTIONS);
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_named_with_its_key() {
        let taken = HealthServer::bind(([127, 0, 0, 1], 0).into())
            .await
            .unwrap();
        let error = HealthServer::bind(taken.address()).await.unwrap_err();
        let expected = format!(
            "cannot listen on `{}`, which is `listen` under [health]",
            taken.address()
        );
        assert_eq!(error.to_string(), expected);
    }
}
