//! Tests of lost and refused connections.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::fake_server::{FakeServer, Rule, Session, within};
use crate::{
    Authentication, ConnectError, Connection, ConnectionHooks, ConnectionOptions,
    ConnectionTrouble, Peer, SecretSource, connect,
};

#[derive(Debug)]
struct Recorder(UnboundedSender<String>);

impl ConnectionHooks for Recorder {
    fn connect(&self, connection: &str, peer: &Peer) {
        let _ = self.0.send(format!("{connection} to {}", peer.server_id));
    }

    fn disconnect(&self, connection: &str, peer: &Peer, _error: Option<&str>) {
        let _ = self.0.send(format!("{connection} lost {}", peer.server_id));
    }

    fn reconnect(&self, connection: &str, peer: &Peer, reconnects: u64) {
        let text = format!("{connection} to {} again, {reconnects}", peer.server_id);
        let _ = self.0.send(text);
    }

    fn shared_inbox(&self, connection: &str) {
        let _ = self.0.send(format!("{connection} shares its inbox"));
    }

    fn lame_duck(&self, connection: &str, peer: &Peer) {
        let _ = self
            .0
            .send(format!("{connection} leaves {}", peer.server_id));
    }

    fn error(&self, connection: &str, trouble: &ConnectionTrouble) {
        // What a server says about subscriptions, `shared_inbox` reports.
        if matches!(trouble, ConnectionTrouble::Server(text) if text.contains("Publish")) {
            let _ = self.0.send(format!("{connection}: {trouble}"));
        }
    }
}

async fn next(events: &mut UnboundedReceiver<String>) -> String {
    within(events.recv()).await.unwrap()
}

fn recorder() -> (Arc<Recorder>, UnboundedReceiver<String>) {
    let (sender, events) = unbounded_channel();
    (Arc::new(Recorder(sender)), events)
}

/// Returns a server, a connection to it, their session and the events of the connection.
async fn recorded(rule: Rule) -> (FakeServer, Connection, Session, UnboundedReceiver<String>) {
    let server = FakeServer::start(rule).await;
    let (hooks, events) = recorder();
    let options = ConnectionOptions {
        hooks,
        ..server.options()
    };
    let (connection, session) = tokio::join!(connect(&options), server.accept());
    (server, connection.unwrap(), session, events)
}

#[tokio::test]
async fn a_secret_is_read_again_for_every_connection() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, "old").unwrap();
    let server = FakeServer::start(Rule::Accept).await;
    let options = ConnectionOptions {
        authentication: Authentication::Token(SecretSource::File(path.clone())),
        ..server.options()
    };
    let (connection, session) = tokio::join!(connect(&options), server.accept());
    let _connection = connection.unwrap();
    assert!(session.login.contains("\"old\""), "{}", session.login);
    fs::write(&path, "new").unwrap();
    drop(session);
    let session = server.accept().await;
    assert!(session.login.contains("\"new\""), "{}", session.login);
    // The last good secret replaces one that cannot be read.
    fs::remove_file(&path).unwrap();
    drop(session);
    let session = server.accept().await;
    assert!(session.login.contains("\"new\""), "{}", session.login);
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_counted() {
    let (server, connection, session, mut events) = recorded(Rule::Accept).await;
    assert_eq!(next(&mut events).await, "orders to NFAKE");
    drop(session);
    assert_eq!(next(&mut events).await, "orders lost NFAKE");
    let _session = server.accept().await;
    assert_eq!(next(&mut events).await, "orders to NFAKE again, 1");
    let status = connection.status();
    assert!(status.is_connected());
    let counts = status.counts();
    assert_eq!(
        (counts.connects, counts.disconnects, counts.reconnects),
        (1, 1, 1)
    );
    drop(connection);
    assert!(!status.is_connected());
}

#[tokio::test]
async fn an_inbox_is_shared_only_if_permissions_admit_no_other() {
    for (rule, shared) in [
        (Rule::SharedInboxes, true),
        (Rule::SharedInboxesAlone, true),
        (Rule::Accept, false),
    ] {
        let server = FakeServer::start(rule).await;
        let (hooks, mut events) = recorder();
        let options = ConnectionOptions {
            hooks,
            inbox_prefix: None,
            ..server.options()
        };
        let sessions = async {
            let first = server.accept().await;
            (
                first,
                if shared {
                    Some(server.accept().await)
                } else {
                    None
                },
            )
        };
        let (connection, _sessions) = tokio::join!(connect(&options), sessions);
        let inbox = connection.unwrap().client().new_inbox();
        assert_eq!(inbox.starts_with("_INBOX."), shared, "{inbox}");
        // The hooks receive refusals of the server too.
        let mut told = Vec::new();
        while told.last().is_none_or(|last| last != "orders to NFAKE") {
            told.push(next(&mut events).await);
        }
        let shares = told.iter().any(|event| event == "orders shares its inbox");
        assert_eq!(shares, shared, "{told:?}");
    }
}

#[tokio::test]
async fn a_refused_login_differs_from_an_unreachable_server() {
    let server = FakeServer::start(Rule::RefuseLogins).await;
    let options = server.options();
    let (refused, _session) = tokio::join!(connect(&options), server.accept());
    let Err(ConnectError::MaxRetries { source, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        matches!(source, ConnectionTrouble::Refused { .. }),
        "{source}"
    );
}

#[tokio::test]
async fn a_lost_connection_moves_to_another_server() {
    let [first, second] = [
        FakeServer::start(Rule::Accept).await,
        FakeServer::start(Rule::Accept).await,
    ];
    let options = ConnectionOptions {
        servers: vec![first.address(), second.address()],
        ..first.options()
    };
    let (connection, session) = tokio::join!(connect(&options), async {
        tokio::select! {
            session = first.accept() => (session, true),
            session = second.accept() => (session, false),
        }
    });
    let connection = connection.unwrap();
    let (session, is_first) = session;
    let (gone, other) = if is_first {
        (first, second)
    } else {
        (second, first)
    };
    drop((session, gone));
    let _session = other.accept().await;
    within(connection.client().flush()).await.unwrap();
    assert!(connection.status().is_connected());
}

#[tokio::test]
async fn a_server_that_will_stop_is_reported_and_counted() {
    let (_server, connection, _session, mut events) = recorded(Rule::LameDuck).await;
    let seen = [next(&mut events).await, next(&mut events).await];
    assert!(seen.contains(&"orders leaves NFAKE".to_owned()), "{seen:?}");
    assert!(connection.status().counts().lame_ducks > 0);
}

#[tokio::test]
async fn repeated_trouble_is_reported_once_and_counted_each_time() {
    let (_server, connection, session, mut events) = recorded(Rule::Complain).await;
    drop(session);
    let mut seen = Vec::new();
    while !seen.iter().any(|event| event == "orders lost NFAKE") {
        seen.push(next(&mut events).await);
    }
    let complaints = seen
        .iter()
        .filter(|event| event.contains("Permissions Violation"));
    assert_eq!(complaints.count(), 1, "{seen:?}");
    assert!(connection.status().counts().errors >= 2);
}

#[tokio::test]
async fn closing_writes_the_messages_first() {
    let (_server, connection, session, _events) = recorded(Rule::Accept).await;
    let (client, status) = (connection.client().clone(), connection.status());
    let subscription = client.subscribe("news.>").await.unwrap();
    for number in 0..1000 {
        let body = format!("message {number}").into();
        client.publish("orders.new", body).await.unwrap();
    }
    let ((), lines) = tokio::join!(connection.close(), session.closed());
    assert!(lines.contains("message 999\r\nUNSUB 1\r\n"), "{lines}");
    assert_eq!(lines.matches("PUB orders.new").count(), 1000);
    assert_eq!(subscription.count().await, 0, "the subscription has ended");
    assert!(client.publish("orders.new", "late".into()).await.is_err());
    assert!(!status.is_connected());
    assert_eq!(status.counts().closes, 1);
}

#[tokio::test]
async fn closing_a_lost_connection_can_be_given_up() {
    let (server, connection, session, mut events) = recorded(Rule::Accept).await;
    drop((server, session));
    while next(&mut events).await != "orders lost NFAKE" {}
    let closing = tokio::time::timeout(Duration::from_millis(1), connection.close());
    assert!(closing.await.is_err(), "no server takes the messages");
}
