//! Requests over TLS.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::limits::closed;
use super::support::{Stage, read};
use crate::ExchangeOptions;

const REQUEST: &str = "POST /v1/nonces HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Returns the configuration of a server, and its certificate, which signed itself.
fn server() -> (Arc<ServerConfig>, CertificateDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    (Arc::new(config), certificate)
}

#[tokio::test]
async fn requests_arrive_over_tls_alone() {
    let (config, certificate) = server();
    let options = ExchangeOptions {
        idle_timeout: Duration::from_millis(100),
        ..ExchangeOptions::default()
    };
    let stage = Stage::with_tls(options, Some(Arc::clone(&config))).await;
    // Neither a request in the clear nor a silent connection gets an answer.
    assert_eq!(stage.raw(REQUEST).await.status, 0);
    let silent = TcpStream::connect(stage.address).await.unwrap();
    assert_eq!(read(silent).await.status, 0);
    while closed(&stage, "handshake") < 2 {
        tokio::task::yield_now().await;
    }

    let stage = Stage::with_tls(ExchangeOptions::default(), Some(config)).await;
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
