//! A NATS server for the tests of this crate.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{ConnectionOptions, InboxPrefix, Retries, USER_INFO};

/// The time after which a step counts as hung: longer than any step needs.
const DEADLINE: Duration = Duration::from_mins(2);

const INFO: &str = "INFO {\"server_id\":\"NFAKE\",\"server_name\":\"fake\",\"version\":\"2.12.0\",\
    \"proto\":1,\"max_payload\":1048576,\"headers\":true,\"host\":\"127.0.0.1\",\"port\":4222,\
    \"go\":\"go\",\"client_id\":1}\r\n";

const REFUSAL: &str = "-ERR 'Authorization Violation'\r\n";

/// An error that ends no connection.
const COMPLAINT: &str = "-ERR 'Permissions Violation for Publish to \"orders\"'\r\n";

/// A server in this process that speaks just enough of the NATS protocol.
pub(crate) struct FakeServer {
    listener: TcpListener,
    /// The rule for clients that connect from now on.
    pub(crate) rule: Rule,
}

/// The way in which the server treats clients.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    /// Admits clients.
    Accept,
    /// Permits inboxes below `_INBOX` only.
    SharedInboxes,
    /// Permits inboxes below `_INBOX` and nothing else. Both refusals arrive at once.
    SharedInboxesAlone,
    RefuseLogins,
    /// Refuses logins with this text.
    RefuseLoginsWith(&'static str),
    /// Admits clients, and announces that the server will stop.
    LameDuck,
    /// Admits clients, and sends the same error twice.
    Complain,
    /// Admits clients, and then neither answers nor closes the connection.
    Hang,
}

/// A connection of a client; dropping it closes the connection.
pub(crate) struct Session {
    /// The arguments of the client's `CONNECT`.
    pub(crate) login: String,
    task: JoinHandle<String>,
}

impl FakeServer {
    pub(crate) async fn start(rule: Rule) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, rule }
    }

    pub(crate) fn address(&self) -> String {
        format!("nats://{}", self.listener.local_addr().unwrap())
    }

    /// Returns options that renew a connection to this server without a wait.
    pub(crate) fn options(&self) -> ConnectionOptions {
        ConnectionOptions {
            inbox_prefix: Some(InboxPrefix::random()),
            reconnect_wait: Duration::from_millis(1),
            reconnect_jitter: Duration::ZERO,
            retries: Retries::Times(0),
            ..ConnectionOptions::new("orders", vec![self.address()])
        }
    }

    /// Waits for a client and for its login.
    pub(crate) async fn accept(&self) -> Session {
        let (stream, _) = within(self.listener.accept()).await.unwrap();
        let (sender, login) = oneshot::channel();
        let task = tokio::spawn(serve(stream, self.rule, sender));
        Session {
            login: within(login).await.unwrap(),
            task,
        }
    }
}

impl Session {
    /// Waits until the client closes the connection. Returns all lines of the client.
    pub(crate) async fn closed(mut self) -> String {
        within(&mut self.task).await.unwrap()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one client until it closes the connection, and returns its lines. Sends the arguments of
/// CONNECT to `login` once the client is connected.
async fn serve(stream: TcpStream, rule: Rule, login: oneshot::Sender<String>) -> String {
    let mut stream = BufReader::new(stream);
    stream.write_all(INFO.as_bytes()).await.unwrap();
    let (mut line, mut arguments, mut login) = (String::new(), String::new(), Some(login));
    let (mut subscription, mut lines) = (String::new(), String::new());
    let mut held = String::new();
    loop {
        line.clear();
        if !matches!(stream.read_line(&mut line).await, Ok(1..)) {
            return lines;
        }
        lines.push_str(&line);
        let words: Vec<_> = line.split_whitespace().collect();
        let answer = match (words.as_slice(), rule) {
            (["CONNECT", rest @ ..], _) => {
                arguments = rest.join(" ");
                continue;
            }
            (["PING"], Rule::RefuseLogins) => REFUSAL.to_owned(),
            (["PING"], Rule::RefuseLoginsWith(text)) if arguments.contains(text) => {
                REFUSAL.to_owned()
            }
            (["PING"], Rule::LameDuck) => {
                format!("PONG\r\n{}", INFO.replace('{', "{\"ldm\":true,"))
            }
            (["PING"], Rule::Hang) if login.is_none() => continue,
            (["PING"], Rule::Complain) => format!("PONG\r\n{}", COMPLAINT.repeat(2)),
            (["PING"], _) => "PONG\r\n".to_owned(),
            (["SUB", subject, ..], Rule::SharedInboxes) if !subject.starts_with("_INBOX.") => {
                format!("-ERR 'Permissions Violation for Subscription to \"{subject}\"'\r\n")
            }
            (["SUB", subject, ..], Rule::SharedInboxesAlone) if !subject.starts_with("_INBOX.") => {
                held =
                    format!("-ERR 'Permissions Violation for Subscription to \"{subject}\"'\r\n");
                continue;
            }
            (["PUB", USER_INFO, ..], Rule::SharedInboxesAlone) => {
                format!("{held}-ERR 'Permissions Violation for Publish to \"{USER_INFO}\"'\r\n")
            }
            (["SUB", _, id], _) => {
                subscription = (*id).to_owned();
                continue;
            }
            (["PUB", USER_INFO, inbox, _], _) => format!("MSG {inbox} {subscription} 0\r\n\r\n"),
            _ => continue,
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return lines;
        }
        if let Some(login) = login.take() {
            let _ = login.send(arguments.clone());
        }
    }
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap()
}
