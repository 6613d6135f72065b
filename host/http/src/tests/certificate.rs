//! A certificate that is read again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_test_support::SelfSigned;
use rustls::{ClientConnection, ServerConfig, ServerConnection};
use tokio::sync::mpsc;

use crate::refreshed::Refreshed;
use crate::tls::ServerTls;

/// Returns whether a client that trusts `root` alone accepts the server.
fn is_accepted(server: &Arc<ServerConfig>, root: &SelfSigned) -> bool {
    let name = "localhost".try_into().unwrap();
    let mut client = ClientConnection::new(root.client().unwrap(), name).unwrap();
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
    let first = SelfSigned::issue().unwrap();
    let current = Arc::new(Mutex::new(Some(first.key.clone())));
    let stored = Arc::clone(&current);
    let (began, mut reads) = mpsc::unbounded_channel();
    let read = move || {
        // Nothing listens any more at the end of the test.
        let _ = began.send(());
        stored.lock().clone().ok_or(io::ErrorKind::NotFound.into())
    };
    let (failed, mut failures) = mpsc::unbounded_channel();
    let record = move |error: &io::Error| failed.send(error.kind()).unwrap();
    let interval = Duration::from_millis(5);
    let certificate = Refreshed::with_interval(interval, read, record).await;
    let tls = ServerTls::new(certificate.unwrap()).unwrap();
    assert!(is_accepted(tls.config(), &first));

    *current.lock() = None;
    for _ in 0..3 {
        assert_eq!(failures.recv().await, Some(io::ErrorKind::NotFound));
        assert!(is_accepted(tls.config(), &first), "the last good one");
    }

    let second = SelfSigned::issue().unwrap();
    *current.lock() = Some(second.key.clone());
    while !is_accepted(tls.config(), &second) {
        reads.recv().await.unwrap();
    }
    assert!(!is_accepted(tls.config(), &first));
    // The end of the value ends the task, which has the sender.
    drop(tls);
    while failures.recv().await.is_some() {}
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_at_first_is_an_error() {
    let read = || Err(io::Error::from(io::ErrorKind::NotFound));
    let error = ServerTls::start(read, |_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "entity not found");
}
