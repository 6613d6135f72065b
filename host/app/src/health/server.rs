//! The HTTP listener: three pages to read, and limits on everything that clients decide.
//!
//! One request a connection. When there are as many connections as may be, the oldest makes room: a probe that has just
//! come is answered, however many connections say nothing.

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
use super::vitals::Vitals;

/// Most connections at the same time.
const MAX_CONNECTIONS: usize = 64;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;
/// Most bytes of a request's head; the least that hyper takes.
const MAX_HEAD: usize = 8 * 1024;
/// Longest wait for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest that a connection may last: one request, one answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// Wait after a connection could not be accepted: the process may be out of files.
const RECOVERY: Duration = Duration::from_millis(100);

/// Answers HTTP requests about the service's health.
#[derive(Debug)]
pub(crate) struct HealthServer {
    listener: TcpListener,
    address: SocketAddr,
}

/// The address of `[health]` is taken, or not one of this machine.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{address}`, which is `listen` under [health]")]
pub(crate) struct CannotListen {
    address: SocketAddr,
    source: io::Error,
}

/// The connections that are open, the oldest first.
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
    /// When that is not possible.
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, CannotListen> {
        let failed = |source| CannotListen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where it listens; the port is the one that the system chose if none was given.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers, for ever.
    pub(crate) async fn run(self, vitals: Arc<Vitals>) {
        let mut connections = Connections::default();
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => connections.add(serve(stream, Arc::clone(&vitals))),
                Err(error) => {
                    tracing::warn!(%error, "health connection not accepted");
                    tokio::time::sleep(RECOVERY).await;
                }
            }
        }
    }
}

impl Connections {
    /// Serves one connection more; the oldest ends if there are too many.
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

/// Answers the one request of a connection.
async fn serve(stream: TcpStream, vitals: Arc<Vitals>) {
    let service = service_fn(move |request| {
        let answer = answer(&request, &vitals);
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

fn answer(request: &Request<Incoming>, vitals: &Vitals) -> Response<Full<Bytes>> {
    let accept = request.headers().get(hyper::header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    page::at(request.method(), request.uri().path(), accept, vitals)
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
