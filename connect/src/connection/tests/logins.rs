//! Tests of logins that renew themselves.

use std::time::Instant;

use portcullis_environment::ManualClock;
use portcullis_harness::Gauge;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::measure::IdleLogin;
use super::*;
use crate::authentication::ProofReader;
use crate::exchange::{ExchangeClient, ExchangeOptions};
use crate::fake_http::{FakeHttp, renewal_by};
use crate::fake_server::{FakeServer, Rule, within};
use crate::hooks::Peer;
use crate::http::{HttpClient, HttpFuture, HttpOptions, HttpRequest};
use crate::login::{Login, LoginFuture, LoginSource, TokenLogin};
use crate::token::{
    ClientCredentials, ClientCredentialsOptions, ClientSecret, StoredToken, Token,
    TokenEndpointOptions, TokenError, TokenExchange, TokenExchangeOptions, TokenFuture,
    TokenSource,
};

/// A source of tokens whose answers are listed; the last one is repeated.
#[derive(Debug)]
struct Listed {
    answers: Vec<Answer>,
    asked: Mutex<usize>,
}

#[derive(Clone, Debug)]
enum Answer {
    /// A token that lives for this time, if it ends.
    Token(&'static str, Option<Duration>),
    /// A failure with this status.
    Failure(u16),
}

impl Listed {
    fn new(answers: impl Into<Vec<Answer>>) -> Arc<Self> {
        Arc::new(Self {
            answers: answers.into(),
            asked: Mutex::new(0),
        })
    }

    fn answer(&self) -> Result<Token, Arc<TokenError>> {
        let mut asked = self.asked.lock();
        let index = (*asked).min(self.answers.len() - 1);
        *asked += 1;
        let url = "https://idp.example".to_owned();
        match self.answers[index].clone() {
            Answer::Token(text, left) => {
                let ends_at = left.map(|left| Instant::now() + left);
                Ok(Token::new(Secret::new(text), ends_at))
            }
            Answer::Failure(503) => Err(Arc::new(TokenError::Unavailable {
                url,
                status: 503,
                retry_after: None,
                request_id: None,
            })),
            Answer::Failure(status) => Err(Arc::new(TokenError::Refused {
                url,
                status,
                code: None,
                request_id: None,
            })),
        }
    }
}

impl TokenSource for Listed {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async { self.answer() })
    }
}

fn with_tokens(options: ConnectionOptions, tokens: &Arc<Listed>) -> ConnectionOptions {
    let tokens = Arc::clone(tokens) as Arc<dyn TokenSource>;
    ConnectionOptions {
        authentication: Authentication::Renewed(TokenLogin::new(tokens).into()),
        ..options
    }
}

#[derive(Debug)]
struct Reasons(UnboundedSender<String>);

impl ConnectionHooks for Reasons {
    fn login_renewed(&self, _connection: &str, _peer: &Peer) {
        let _ = self.0.send("renewed".to_owned());
    }

    fn disconnect(&self, _connection: &str, _peer: &Peer, error: Option<&str>) {
        let _ = self.0.send(error.unwrap_or("lost").to_owned());
    }
}

#[tokio::test]
async fn a_login_is_renewed_before_its_end() {
    let server = FakeServer::start(Rule::Accept).await;
    let short = Some(Duration::from_secs(1));
    // Obtained before the server is reached, presented to it, found due, and obtained again.
    let mut answers = vec![Answer::Token("first", short); 3];
    answers.push(Answer::Token("second", None));
    let tokens = Listed::new(answers);
    let (sender, mut reasons) = unbounded_channel();
    let options = ConnectionOptions {
        hooks: Arc::new(Reasons(sender)),
        ..with_tokens(server.options(), &tokens)
    };
    let (connection, session) = tokio::join!(connect(&options), server.accept());
    let connection = connection.unwrap();
    assert!(session.login.contains("\"first\""), "{}", session.login);
    let session = server.accept().await;
    assert!(session.login.contains("\"second\""), "{}", session.login);
    assert_eq!(within(reasons.recv()).await.unwrap(), "renewed");
    assert_eq!(within(reasons.recv()).await.unwrap(), "the login ends soon");
    assert_eq!(connection.status().counts().renewals, 1);
}

#[tokio::test]
async fn a_login_without_an_end_is_not_renewed() {
    let short = Some(Duration::from_hours(1));
    let tokens = Listed::new([Answer::Token("first", short), Answer::Token("second", None)]);
    let servers = vec!["nats://127.0.0.1:4222".to_owned()];
    let options = with_tokens(ConnectionOptions::new("orders", servers), &tokens);
    let pending = PendingConnection::new(options);
    let disk = Arc::clone(&pending.options.disk);
    let authentication = pending.options.authentication.clone();
    let proofs = Arc::new(ProofReader::new(authentication, disk));
    for is_renewed in [true, false] {
        let reading = proofs.current().await.unwrap().unwrap();
        proofs.present(&reading);
        let presented = proofs.presented().borrow().clone().unwrap();
        assert_eq!(presented.ends_at.is_some(), is_renewed);
    }
}

/// The number of connections that wait for the renewal of their login.
const WAITING: u32 = 10_000;

/// The maximum memory of one of them, in bytes. Far above the measured size, because other tests
/// allocate at the same time.
const MAX_WAITING_SIZE: u64 = 16 * 1024;

#[tokio::test]
async fn ten_thousand_logins_wait_for_their_renewal_in_little_memory() {
    let used = || Gauge::of(std::process::id()).unwrap().memory * 1024;
    let before = used();
    let mut waiting = Vec::new();
    for _ in 0..WAITING {
        let tokens = Listed::new([Answer::Token("a-token", Some(Duration::from_hours(1)))]);
        let servers = vec!["nats://127.0.0.1:4222".to_owned()];
        let options = with_tokens(ConnectionOptions::new("orders", servers), &tokens);
        waiting.push(IdleLogin::start(options).await.unwrap());
    }
    let each = used().saturating_sub(before) / u64::from(WAITING);
    assert!(each < MAX_WAITING_SIZE, "{each} bytes");
}

#[tokio::test]
async fn an_outage_of_the_service_is_retried_and_a_refusal_is_not() {
    let outage = [Answer::Failure(503)];
    let refusal = [Answer::Failure(403)];
    for (answers, expected) in [(outage, 3), (refusal, 1)] {
        let tokens = Listed::new(answers);
        let options = ConnectionOptions {
            retries: Retries::Times(2),
            retry_delay: Duration::from_millis(1),
            ..with_tokens(ConnectionOptions::new("orders", vec![nowhere()]), &tokens)
        };
        let error = connect(&options).await.unwrap_err();
        let text = with_causes(&error);
        let start = format!("gave up connecting to nats at attempt {expected}: cannot log in: ");
        assert!(text.starts_with(&start), "{text}");
        assert_eq!(*tokens.asked.lock(), expected);
    }
}

#[tokio::test]
async fn a_service_that_recovers_lets_the_connection_be_made() {
    let server = FakeServer::start(Rule::Accept).await;
    let tokens = Listed::new([Answer::Failure(403), Answer::Token("late", None)]);
    let options = ConnectionOptions {
        retries: Retries::Forever,
        retry_delay: Duration::from_millis(1),
        ..with_tokens(server.options(), &tokens)
    };
    let (connection, session) = tokio::join!(connect(&options), server.accept());
    let _connection = connection.unwrap();
    assert!(session.login.contains("\"late\""), "{}", session.login);
}

#[tokio::test]
async fn no_server_is_bothered_without_a_login() {
    let server = FakeServer::start(Rule::Accept).await;
    let tokens = Listed::new([
        Answer::Token("first", None),
        Answer::Token("first", None),
        Answer::Token("first", None),
        Answer::Failure(503),
        Answer::Token("second", None),
    ]);
    let options = with_tokens(server.options(), &tokens);
    let (connection, session) = tokio::join!(connect(&options), server.accept());
    let _connection = connection.unwrap();
    drop(session);
    let session = server.accept().await;
    assert!(session.login.contains("\"second\""), "{}", session.login);
}

/// A source whose login is `first`, and `second` once a server has refused that.
#[derive(Debug, Default)]
struct Replaced(Mutex<bool>);

impl LoginSource for Replaced {
    fn login(&self) -> LoginFuture<'_> {
        let text = if *self.0.lock() { "second" } else { "first" };
        let token = Token::new(Secret::new(text), None);
        Box::pin(async move { Ok(Login::token(&token)) })
    }

    fn reject(&self, _login: &Login) {
        *self.0.lock() = true;
    }
}

#[tokio::test]
async fn a_login_that_a_server_refuses_is_replaced() {
    let refusal = Rule::RefuseLoginsWith("\"first\"");
    for refuses_at_first in [true, false] {
        let mut server = FakeServer::start(refusal).await;
        let options = ConnectionOptions {
            authentication: Authentication::Renewed(Replaced::default().into()),
            retries: Retries::Times(1),
            retry_delay: Duration::from_millis(1),
            ..server.options()
        };
        if !refuses_at_first {
            server.rule = Rule::Accept;
        }
        let (connection, session) = tokio::join!(connect(&options), async {
            let session = server.accept().await;
            assert!(session.login.contains("\"first\""), "{}", session.login);
            if refuses_at_first {
                server.accept().await
            } else {
                session
            }
        });
        let _connection = connection.unwrap();
        if refuses_at_first {
            assert!(session.login.contains("\"second\""), "{}", session.login);
            continue;
        }
        server.rule = refusal;
        drop(session);
        let refused = server.accept().await;
        assert!(refused.login.contains("\"first\""), "{}", refused.login);
        let session = server.accept().await;
        assert!(session.login.contains("\"second\""), "{}", session.login);
    }
}

/// Returns a source of the tokens `t1`, `t2` and so on, each valid for an hour.
fn numbered(service: &Arc<FakeHttp>, clock: &ManualClock) -> Arc<dyn TokenSource> {
    let endpoint = TokenEndpointOptions {
        http: service.options(),
        renewal: renewal_by(clock),
        ..TokenEndpointOptions::new("https://idp.example/token")
    };
    let secret = Secret::new("hunter2").into();
    let id = "orders".to_owned();
    let options = ClientCredentialsOptions::new(endpoint, ClientSecret { id, secret });
    Arc::new(ClientCredentials::new(options).unwrap())
}

#[tokio::test]
async fn a_revoked_token_is_renewed_before_its_end() {
    let service = FakeHttp::new(|request| {
        let number = request.number;
        let grant = format!(r#"{{"access_token":"t{number}","expires_in":3600}}"#);
        (200, grant)
    });
    let clock = ManualClock::new(0);
    let mut server = FakeServer::start(Rule::Accept).await;
    let options = ConnectionOptions {
        authentication: Authentication::Renewed(TokenLogin::new(numbered(&service, &clock)).into()),
        ..server.options()
    };
    let (connection, session) = tokio::join!(connect(&options), server.accept());
    let _connection = connection.unwrap();
    server.rule = Rule::RefuseLoginsWith("\"t1\"");
    drop(session);
    let refused = server.accept().await;
    assert!(refused.login.contains("\"t1\""), "{}", refused.login);
    let session = server.accept().await;
    assert!(session.login.contains("\"t2\""), "{}", session.login);
    // A server that refuses every token is no reason to ask for one at each attempt.
    server.rule = Rule::RefuseLogins;
    drop(session);
    for _ in 0..3 {
        let refused = server.accept().await;
        assert!(refused.login.contains("\"t2\""), "{}", refused.login);
    }
    assert_eq!(service.received().len(), 2);
}

#[tokio::test]
async fn an_exchanged_token_that_a_server_refuses_is_renewed() {
    let service = FakeHttp::new(|request| {
        let number = request.number;
        (200, format!(r#"{{"access_token":"t{number}"}}"#))
    });
    let endpoint = TokenEndpointOptions {
        http: service.options(),
        ..TokenEndpointOptions::new("https://sts.example/token")
    };
    let subject = Arc::new(StoredToken::new(Secret::new("subject")));
    let tokens = TokenExchange::new(TokenExchangeOptions::new(endpoint, subject)).unwrap();
    let source = TokenLogin::new(Arc::new(tokens));
    let refused = source.login().await.unwrap();
    let same = source.login().await.unwrap();
    assert!(same.proof.is_same_login(&refused.proof));
    source.reject(&refused);
    let next = source.login().await.unwrap();
    assert!(!next.proof.is_same_login(&refused.proof));
}

/// A service that never answers. Reports the beginning and the end of each request.
#[derive(Debug)]
struct Silent(UnboundedSender<&'static str>);

/// Reports that a request was cancelled.
struct Cancelled(UnboundedSender<&'static str>);

impl HttpClient for Silent {
    fn post(&self, _: HttpRequest) -> HttpFuture<'_> {
        let cancelled = Cancelled(self.0.clone());
        let _ = self.0.send("asked");
        Box::pin(async move {
            let _cancelled = cancelled;
            std::future::pending().await
        })
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        let _ = self.0.send("cancelled");
    }
}

#[tokio::test]
async fn an_attempt_that_is_given_up_cancels_its_request() {
    let (sender, mut events) = unbounded_channel();
    let http = HttpOptions {
        timeout: Duration::from_hours(1),
        client: Arc::new(Silent(sender)),
        ..HttpOptions::default()
    };
    let tokens = Arc::new(StoredToken::new(Secret::new("a-token")));
    let exchange = ExchangeClient::new(ExchangeOptions {
        http,
        ..ExchangeOptions::new("https://exchange.example", "roof", tokens)
    });
    let options = ConnectionOptions {
        authentication: Authentication::Renewed(exchange.unwrap().into()),
        ..ConnectionOptions::new("orders", vec![nowhere()])
    };
    let attempt = PendingConnection::new(options).connect();
    tokio::select! {
        _ = attempt => panic!("connected"),
        asked = events.recv() => assert_eq!(asked, Some("asked")),
    }
    assert_eq!(within(events.recv()).await, Some("cancelled"));
}
