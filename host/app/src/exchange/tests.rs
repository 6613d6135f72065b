//! The certificate of the exchange, and its end.

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};

use super::*;

/// Writes a new certificate for `localhost` that signed itself, and returns it.
fn issue(files: &CertificateFiles) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    fs::write(&files.certificate, certificate.pem()).unwrap();
    fs::write(&files.key, key.serialize_pem()).unwrap();
    certificate.der().clone()
}

fn files(directory: &Path) -> CertificateFiles {
    CertificateFiles {
        certificate: directory.join("a.pem"),
        key: directory.join("a.key"),
    }
}

/// Returns whether a client that trusts `root` alone accepts the server.
fn is_accepted(server: &Arc<ServerConfig>, root: &CertificateDer<'static>) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut &*bytes).unwrap();
        let accepted = server.process_new_packets();
        bytes.clear();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut &*bytes).unwrap();
        if accepted.is_err() || client.process_new_packets().is_err() {
            return false;
        }
    }
    true
}

#[tokio::test]
async fn a_new_certificate_counts_and_a_broken_one_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let files = files(directory.path());
    let mut watch = JoinSet::new();
    let first = issue(&files);
    let interval = Duration::from_millis(5);
    let server = watched_certificate(files.clone(), interval, &mut watch);
    let server = server.await.unwrap();
    assert!(is_accepted(&server, &first));

    fs::write(&files.certificate, "no certificate").unwrap();
    // Many intervals: the certificate stays the last good one.
    for _ in 0..20 {
        tokio::time::sleep(interval).await;
        assert!(is_accepted(&server, &first));
    }

    let second = issue(&files);
    while !is_accepted(&server, &second) {
        tokio::time::sleep(interval).await;
    }
    assert!(!is_accepted(&server, &first));
}

#[tokio::test]
async fn the_host_ends_with_an_exchange_that_panics_and_stops_it_at_its_own_end() {
    let running = |ends: bool| {
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let served = tokio::spawn(async move {
            assert!(!ends, "a fault of the host");
            let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
        });
        RunningExchange {
            stop,
            served,
            _watch: JoinSet::new(),
        }
    };
    let panicked = running(true);
    RunningExchange::stop_with(Some(&panicked), std::future::pending()).await;
    assert!(panicked.end().await.is_err());

    let healthy = running(false);
    RunningExchange::stop_with(Some(&healthy), std::future::ready(())).await;
    healthy.stop.closed().await;
    assert!(healthy.end().await.is_ok());
}

#[test]
fn connections_leave_files_to_the_rest_of_the_host() {
    assert_eq!(affordable(1), 1);
    let most = affordable(usize::MAX);
    let files = getrlimit(Resource::Nofile).current;
    assert_eq!(files.is_some(), most < usize::MAX);
}
