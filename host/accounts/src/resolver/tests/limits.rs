//! Limits on what clients decide.

use std::time::Duration;

use portcullis_http::HttpListener;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::*;

/// Runs `site` at an address of its own, until the sender is dropped.
async fn listen(site: &Site) -> (std::net::SocketAddr, oneshot::Sender<()>) {
    let listener = HttpListener::bind(([127, 0, 0, 1], 0).into(), None);
    let listener = listener.await.unwrap();
    let address = listener.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let resolver = site.resolver.clone();
    tokio::spawn(resolver.serve(listener, async move { drop(stopped.await) }));
    (address, stop)
}

/// Sends `request` and returns all that the resolver sends until it closes the connection.
async fn talk(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // hyper's own limit for the head of a request is 30 s.
    let read = timeout(Duration::from_secs(25), stream.read_to_string(&mut answer));
    // The resolver may reset a connection that it closes unread.
    let _ = read
        .await
        .expect("the resolver should close the connection");
    answer
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let site = Site::with(
        ResolverOptions {
            max_body: 1024,
            ..ResolverOptions::default()
        },
        None,
    );
    let answer = site.post("x".repeat(1025)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        site.post("x".repeat(1024)).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn writes_in_a_second_are_limited_and_reads_are_not() {
    let site = Site::with(
        ResolverOptions {
            max_writes_per_second: 1,
            ..ResolverOptions::default()
        },
        None,
    );
    let later = site.sign(NOW + 1, |_| {});
    assert_eq!(site.post("").await.status, StatusCode::BAD_REQUEST);
    let refused = site.post(later.clone()).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(site.get_account("").await.status, StatusCode::OK);
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(site.post(later).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_ends_the_request() {
    let site = Site::with(
        ResolverOptions {
            request_timeout: Duration::from_millis(50),
            ..ResolverOptions::default()
        },
        None,
    );
    let body = Body::new(http_body_util::StreamBody::new(futures::stream::pending::<
        Result<hyper::body::Frame<axum::body::Bytes>, std::io::Error>,
    >()));
    let answer = site.post(body).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn web_pages_are_answered_if_their_origin_is_configured() {
    let origin = "https://console.example.com";
    let configured = ResolverOptions {
        allowed_origins: vec![origin.to_owned()],
        ..ResolverOptions::default()
    };
    for (options, expected) in [
        (ResolverOptions::default(), None),
        (configured, Some(origin)),
    ] {
        let site = Site::with(options, None);
        let request = Request::get(site.path()).header("origin", origin);
        let answer = site.call(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("access-control-allow-origin"), expected);
    }
}

#[tokio::test]
async fn the_listener_serves_and_ends_idle_connections() {
    let site = Site::with(
        ResolverOptions {
            idle_timeout: Duration::from_millis(100),
            ..ResolverOptions::default()
        },
        None,
    );
    let (address, _stop) = listen(&site).await;
    let request = format!("GET {} HTTP/1.1\r\nhost: x\r\n\r\n", site.path());
    let answer = talk(address, &request).await;
    assert!(answer.contains(&site.stored().token), "{answer}");
    // The head of a request does not end.
    let answer = talk(address, "GET / HTTP/1.1\r\nhost: x\r\n").await;
    assert!(!answer.contains("200"), "{answer}");
}

#[tokio::test]
async fn connections_of_an_address_are_limited() {
    let site = Site::with(
        ResolverOptions {
            max_connections_per_address: 1,
            ..ResolverOptions::default()
        },
        None,
    );
    let (address, stop) = listen(&site).await;
    let request = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(request.as_bytes()).await.unwrap();
    let mut byte = [0];
    first.read_exact(&mut byte).await.unwrap();
    assert_eq!(talk(address, request).await, "");
    drop(stop);
}
