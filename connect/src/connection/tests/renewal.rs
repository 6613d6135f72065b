//! Tests of lost and refused connections, with a server in this process that speaks just enough of
//! the NATS protocol.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{
    Authentication, ConnectError, ConnectionHooks, ConnectionOptions, ConnectionTrouble,
    InboxPrefix, Peer, Retries, SecretSource, USER_INFO, connect,
};

/// The time after which a step counts as hung: longer than any step needs.
const DEADLINE: Duration = Duration::from_mins(2);

const INFO: &str = "INFO {\"server_id\":\"NFAKE\",\"server_name\":\"fake\",\"version\":\"2.12.0\",\
    \"proto\":1,\"max_payload\":1048576,\"headers\":true,\"host\":\"127.0.0.1\",\"port\":4222,\
    \"go\":\"go\",\"client_id\":1}\r\n";

struct FakeServer {
    listener: TcpListener,
    rule: Rule,
}

/// The way in which the server treats clients.
#[derive(Clone, Copy)]
enum Rule {
    Accept,
    /// Permits inboxes below `_INBOX` only.
    SharedInboxes,
    RefuseLogins,
}

/// A connection of a client; dropping it closes the connection.
struct Session {
    /// The arguments of the client's `CONNECT`.
    login: String,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Recorder(UnboundedSender<String>);

impl FakeServer {
    async fn start(rule: Rule) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, rule }
    }

    fn options(&self) -> ConnectionOptions {
        let address = format!("nats://{}", self.listener.local_addr().unwrap());
        ConnectionOptions {
            inbox_prefix: Some(InboxPrefix::random()),
            reconnect_wait: Duration::from_millis(1),
            reconnect_jitter: Duration::ZERO,
            retries: Retries::Times(0),
            ..ConnectionOptions::new("orders", vec![address])
        }
    }

    /// Waits for a client and for its login.
    async fn accept(&self) -> Session {
        let (stream, _) = within(self.listener.accept()).await.unwrap();
        let (sender, login) = oneshot::channel();
        let task = tokio::spawn(serve(stream, self.rule, sender));
        Session {
            login: within(login).await.unwrap(),
            task,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

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

    fn error(&self, _connection: &str, _trouble: &ConnectionTrouble) {}
}

/// Serves one client until it closes the connection. Sends the arguments of CONNECT to `login` once
/// the client is connected.
async fn serve(stream: TcpStream, rule: Rule, login: oneshot::Sender<String>) {
    let mut stream = BufReader::new(stream);
    stream.write_all(INFO.as_bytes()).await.unwrap();
    let (mut line, mut arguments, mut login) = (String::new(), String::new(), Some(login));
    let mut subscription = String::new();
    loop {
        line.clear();
        if !matches!(stream.read_line(&mut line).await, Ok(1..)) {
            return;
        }
        let words: Vec<_> = line.split_whitespace().collect();
        let answer = match (words.as_slice(), rule) {
            (["CONNECT", rest @ ..], _) => {
                arguments = rest.join(" ");
                continue;
            }
            (["PING"], Rule::RefuseLogins) => "-ERR 'Authorization Violation'\r\n".to_owned(),
            (["PING"], _) => "PONG\r\n".to_owned(),
            (["SUB", subject, ..], Rule::SharedInboxes) if !subject.starts_with("_INBOX.") => {
                format!("-ERR 'Permissions Violation for Subscription to \"{subject}\"'\r\n")
            }
            (["SUB", _, id], _) => {
                subscription = (*id).to_owned();
                continue;
            }
            (["PUB", USER_INFO, inbox, _], _) => format!("MSG {inbox} {subscription} 0\r\n\r\n"),
            _ => continue,
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        if let Some(login) = login.take() {
            let _ = login.send(arguments.clone());
        }
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap()
}

async fn next(events: &mut UnboundedReceiver<String>) -> String {
    within(events.recv()).await.unwrap()
}

fn recorder() -> (Arc<Recorder>, UnboundedReceiver<String>) {
    let (sender, events) = unbounded_channel();
    (Arc::new(Recorder(sender)), events)
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
    let server = FakeServer::start(Rule::Accept).await;
    let (hooks, mut events) = recorder();
    let options = ConnectionOptions {
        hooks,
        ..server.options()
    };
    let (connection, session) = tokio::join!(connect(&options), server.accept());
    let connection = connection.unwrap();
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
    for (rule, shared) in [(Rule::SharedInboxes, true), (Rule::Accept, false)] {
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
        if shared {
            assert_eq!(next(&mut events).await, "orders shares its inbox");
        }
        assert_eq!(next(&mut events).await, "orders to NFAKE");
    }
}

#[tokio::test]
async fn a_refused_login_is_told_apart_from_an_unreachable_server() {
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
