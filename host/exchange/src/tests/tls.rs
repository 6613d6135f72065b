//! Requests over TLS.

use std::io;
use std::time::Duration;

use portcullis_http::ServerTls;
use portcullis_test_support::SelfSigned;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::limits::closed;
use super::support::{Stage, read};
use crate::ExchangeOptions;

const REQUEST: &str = "POST /v1/nonces HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

async fn tls(certificate: &SelfSigned) -> Option<ServerTls> {
    let key = certificate.key.clone();
    let started = ServerTls::start(move || Ok::<_, io::Error>(key.clone()), |_| {});
    Some(started.await.unwrap())
}

#[tokio::test]
async fn requests_arrive_over_tls_alone() {
    let certificate = SelfSigned::issue().unwrap();
    let options = ExchangeOptions {
        idle_timeout: Duration::from_millis(100),
        ..ExchangeOptions::default()
    };
    let stage = Stage::with_tls(options, tls(&certificate).await).await;
    // Neither a request in the clear nor a silent connection gets an answer.
    assert_eq!(stage.raw(REQUEST).await.status, 0);
    let silent = TcpStream::connect(stage.address).await.unwrap();
    assert_eq!(read(silent).await.status, 0);
    while closed(&stage, "handshake") < 2 {
        tokio::task::yield_now().await;
    }

    let stage = Stage::with_tls(ExchangeOptions::default(), tls(&certificate).await).await;
    let stream = TcpStream::connect(stage.address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let connector = TlsConnector::from(certificate.client().unwrap());
    let mut stream = connector.connect(name, stream).await.unwrap();
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    assert_eq!(read(stream).await.status, 201);
}
