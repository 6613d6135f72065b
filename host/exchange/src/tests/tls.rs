//! Requests over TLS.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use portcullis_http::ServerTls;
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::limits::closed;
use super::support::{Stage, read};
use crate::ExchangeOptions;

const REQUEST: &str = "POST /v1/nonces HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Returns a certificate that signed itself, with its key and by itself.
fn certificate() -> (CertifiedKey, CertificateDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = aws_lc_rs::default_provider();
    let certified = CertifiedKey::from_der(vec![certificate.clone()], key, &provider);
    (certified.unwrap(), certificate)
}

async fn tls(key: &CertifiedKey) -> Option<ServerTls> {
    let key = key.clone();
    let started = ServerTls::start(move || Ok::<_, io::Error>(key.clone()), |_| {});
    Some(started.await.unwrap())
}

#[tokio::test]
async fn requests_arrive_over_tls_alone() {
    let (key, certificate) = certificate();
    let options = ExchangeOptions {
        idle_timeout: Duration::from_millis(100),
        ..ExchangeOptions::default()
    };
    let stage = Stage::with_tls(options, tls(&key).await).await;
    // Neither a request in the clear nor a silent connection gets an answer.
    assert_eq!(stage.raw(REQUEST).await.status, 0);
    let silent = TcpStream::connect(stage.address).await.unwrap();
    assert_eq!(read(silent).await.status, 0);
    while closed(&stage, "handshake") < 2 {
        tokio::task::yield_now().await;
    }

    let stage = Stage::with_tls(ExchangeOptions::default(), tls(&key).await).await;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(stage.address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let connector = TlsConnector::from(Arc::new(client));
    let mut stream = connector.connect(name, stream).await.unwrap();
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    assert_eq!(read(stream).await.status, 201);
}
