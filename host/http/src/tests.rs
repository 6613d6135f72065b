//! The listener, with clients that write HTTP by hand.

mod certificate;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::routing::get;
use axum::{Extension, Router};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};

use crate::{Closed, HttpListener, ListenerOptions, Observer, Peer};

const REQUEST: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// A running listener. Requests of `/slow` end when `let_end` says so.
struct Stage {
    address: SocketAddr,
    door: Arc<Door>,
    begun: Arc<Notify>,
    let_end: Arc<Notify>,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<()>,
}

/// What the listener says.
#[derive(Debug, Default)]
struct Door {
    closed: Mutex<Vec<Closed>>,
    unfinished: Mutex<bool>,
}

impl Observer for Door {
    fn closed(&self, reason: Closed, address: SocketAddr) {
        assert!(address.ip().is_loopback());
        self.closed.lock().push(reason);
    }

    fn not_accepted(&self, error: &io::Error) {
        panic!("{error}");
    }

    fn not_finished(&self) {
        *self.unfinished.lock() = true;
    }
}

/// Returns limits that no test meets.
fn options() -> ListenerOptions {
    ListenerOptions {
        idle_timeout: Duration::from_hours(1),
        request_timeout: Duration::from_hours(1),
        max_connection_age: Duration::from_hours(1),
        max_connections: usize::MAX,
        max_connections_per_address: usize::MAX,
    }
}

impl Stage {
    async fn with(options: ListenerOptions) -> Self {
        let (begun, let_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (has_begun, may_end) = (Arc::clone(&begun), Arc::clone(&let_end));
        let slow = move |_: Request| async move {
            has_begun.notify_one();
            may_end.notified().await;
            "slow"
        };
        let peer = async |Extension(peer): Extension<Peer>| {
            format!("{} {}", peer.address.ip(), peer.tls.is_some())
        };
        let router = Router::new()
            .route("/", get(peer))
            .route("/slow", get(slow));
        let listener = HttpListener::bind(([127, 0, 0, 1], 0).into(), None);
        let listener = listener.await.unwrap();
        let address = listener.address();
        let door = Arc::new(Door::default());
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move { drop(stopped.await) };
        let served = listener.run(router, options, Arc::clone(&door), shutdown);
        Self {
            address,
            door,
            begun,
            let_end,
            stop,
            served: tokio::spawn(served),
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Waits until the listener has closed `count` connections, and returns the reasons.
    async fn closed(&self, count: usize) -> Vec<Closed> {
        loop {
            let closed = self.door.closed.lock().clone();
            if closed.len() >= count {
                return closed;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Reads until the listener closes the connection.
async fn read(mut stream: TcpStream) -> String {
    let mut text = String::new();
    // The listener may reset a connection that it closes unread.
    let _ = stream.read_to_string(&mut text).await;
    text
}

#[tokio::test]
async fn a_request_knows_its_client_and_a_silent_connection_ends() {
    let stage = Stage::with(ListenerOptions {
        idle_timeout: Duration::from_millis(100),
        ..options()
    })
    .await;
    let mut stream = stage.connect().await;
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    let answer = read(stream).await;
    assert!(answer.ends_with("127.0.0.1 false"), "{answer}");
    // The head of a request that does not end.
    let mut stream = stage.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert!(!read(stream).await.contains("200"));
    assert_eq!(stage.closed(2).await, [Closed::Idle; 2]);
}

#[tokio::test]
async fn connections_are_limited_together_and_for_each_address() {
    for (reason, limits) in [
        (
            Closed::TooMany,
            ListenerOptions {
                max_connections: 1,
                ..options()
            },
        ),
        (
            Closed::TooManyOfAddress,
            ListenerOptions {
                max_connections_per_address: 1,
                ..options()
            },
        ),
    ] {
        let stage = Stage::with(limits).await;
        let mut first = stage.connect().await;
        first.write_all(REQUEST.as_bytes()).await.unwrap();
        first.read_exact(&mut [0]).await.unwrap();
        assert_eq!(read(stage.connect().await).await, "");
        assert_eq!(stage.closed(1).await, [reason]);
        drop(first);
        // The place is free once the listener has noticed the end of the connection.
        loop {
            let mut next = stage.connect().await;
            let written = next.write_all(REQUEST.as_bytes()).await;
            if written.is_ok() && next.read_exact(&mut [0]).await.is_ok() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_connection_ends_with_its_age() {
    let stage = Stage::with(ListenerOptions {
        max_connection_age: Duration::from_millis(50),
        ..options()
    })
    .await;
    assert_eq!(read(stage.connect().await).await, "");
    assert_eq!(stage.closed(1).await, [Closed::Age]);
}

#[tokio::test]
async fn a_listener_that_stops_finishes_requests_and_ends_silent_connections() {
    let stage = Stage::with(options()).await;
    let silent = stage.connect().await;
    let mut slow = stage.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    stage.begun.notified().await;
    stage.stop.send(()).unwrap();
    assert_eq!(read(silent).await, "");
    assert!(!stage.served.is_finished(), "a request is in progress");
    stage.let_end.notify_one();
    assert!(read(slow).await.ends_with("slow"));
    stage.served.await.unwrap();
    assert_eq!(stage.door.closed.lock().as_slice(), []);
    assert!(!*stage.door.unfinished.lock());
    assert!(TcpStream::connect(stage.address).await.is_err());
}

#[tokio::test]
async fn a_listener_that_stops_does_not_wait_for_requests_beyond_their_time() {
    let stage = Stage::with(ListenerOptions {
        request_timeout: Duration::from_millis(10),
        ..options()
    })
    .await;
    let mut slow = stage.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    stage.begun.notified().await;
    stage.stop.send(()).unwrap();
    stage.served.await.unwrap();
    drop(slow);
}
