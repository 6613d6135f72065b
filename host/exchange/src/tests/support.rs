//! An exchange that listens, and callers that write HTTP by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use nats_token::KeyPair;
use parking_lot::Mutex;
use portcullis_authority::{
    AccountIssuer, Authority, AuthorityOptions, Issuers, OperatorIssuers, PermitRules,
    TargetAccounts,
};
use portcullis_claims::IssuerKey;
use portcullis_core::{
    Allowed, AuthorizationRequest, Authorizer, Decision, DenialClass, Permit, Strength,
};
use portcullis_environment::{Clock, SystemClock};
use portcullis_http::{HttpListener, ServerTls};
use portcullis_identity::{Identifier, IdentifierOptions, IssuerOptions, KeySource, TokenVerifier};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tracing::subscriber::DefaultGuard;

use crate::{Exchange, ExchangeOptions};

const ISSUER: &str = "https://idp.example";
const AUDIENCE: &str = "nats";

/// A running exchange for the accounts `APP` and `OTHER`, and the issuer of its tokens.
pub(super) struct Stage {
    pub(super) address: SocketAddr,
    pub(super) exchange: Exchange<Doorkeeper>,
    pub(super) log: Log,
    pub(super) doorkeeper: Doorkeeper,
    /// Public keys of the accounts by name.
    pub(super) accounts: BTreeMap<&'static str, String>,
    issuer: Ed25519KeyPair,
    _directory: tempfile::TempDir,
    _log: DefaultGuard,
}

/// Permits verified callers in `APP`, except `mallory`. Decides about `slow` only when let.
#[derive(Clone, Default)]
pub(super) struct Doorkeeper {
    pub(super) begun: Arc<Notify>,
    pub(super) let_end: Arc<Notify>,
}

impl Authorizer for Doorkeeper {
    async fn authorize(&self, request: Arc<AuthorizationRequest>, _: Instant) -> Decision {
        assert_eq!(request.client.kind.as_ref().unwrap().as_str(), "exchange");
        let principal = request.identity.principal.as_deref();
        if principal == Some("slow") {
            self.begun.notify_one();
            self.let_end.notified().await;
        }
        if request.identity.strength != Strength::Proved || principal == Some("mallory") {
            return Decision::deny(DenialClass::PolicyDenied, "not on the list");
        }
        let mut permit = Permit::builder("APP", request.received_at);
        permit.publish_allow("app.>");
        permit.subscribe_allow("_INBOX.>");
        permit.source_allow("10.0.0.0/8");
        permit.connection_type_allow("WEBSOCKET");
        permit.limit_subscriptions(7);
        permit.limit_payload(1024);
        portcullis_test_support::permitted(permit.finish().unwrap())
    }
}

/// The lines of the log, as JSON.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }

    /// Returns the line about the request with this id.
    pub(super) fn line_of(&self, request_id: &str) -> Value {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut found = lines.filter(|line: &Value| line["request_id"] == request_id);
        found.next().unwrap_or_else(|| panic!("no line: {text}"))
    }
}

/// An answer of the exchange.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

impl Stage {
    pub(super) async fn start() -> Self {
        Self::with(ExchangeOptions::default()).await
    }

    pub(super) async fn with(options: ExchangeOptions) -> Self {
        Self::with_tls(options, None).await
    }

    pub(super) async fn with_tls(options: ExchangeOptions, tls: Option<ServerTls>) -> Self {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || writer.clone())
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        let directory = tempfile::tempdir().unwrap();
        let issuer = Ed25519KeyPair::generate().unwrap();
        let keys = directory.path().join("keys.json");
        let key = json!({
            "kty": "OKP", "crv": "Ed25519", "kid": "first", "use": "sig", "alg": "EdDSA",
            "x": BASE64URL_NOPAD.encode(issuer.public_key().as_ref()),
        });
        std::fs::write(&keys, json!({ "keys": [key] }).to_string()).unwrap();
        let (issuers, accounts) = issuers();
        let doorkeeper = Doorkeeper::default();
        let authority = Authority::new(doorkeeper.clone(), authority_options(keys));
        let exchange = Exchange::new(Arc::new(authority), Arc::new(issuers), options).unwrap();
        let address = ([127, 0, 0, 1], 0).into();
        let listener = HttpListener::bind(address, tls).await.unwrap();
        let address = listener.address();
        tokio::spawn(exchange.clone().serve(listener, std::future::pending()));
        Self {
            address,
            exchange,
            log,
            doorkeeper,
            accounts,
            issuer,
            _directory: directory,
            _log: guard,
        }
    }

    /// Returns a token for `alice` with these claims in place of the usual ones.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({ "alg": "EdDSA", "kid": "first" }), claims)
    }

    pub(super) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let now = SystemClock.unix_seconds();
        let mut all = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 600,
        });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let encoded = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let message = format!("{}.{}", encoded(header), encoded(&all));
        let signature = self.issuer.sign(message.as_bytes());
        format!("{message}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }

    /// Sends JSON with a token.
    pub(super) async fn post(&self, path: &str, token: &str, body: &Value) -> Reply {
        self.post_text(path, token, &body.to_string()).await
    }

    pub(super) async fn post_text(&self, path: &str, token: &str, body: &str) -> Reply {
        let head = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        self.send("POST", path, &head, body).await
    }

    pub(super) async fn send(&self, method: &str, path: &str, head: &str, body: &str) -> Reply {
        self.raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: exchange\r\nConnection: close\r\n\
             Content-Length: {}\r\n{head}\r\n{body}",
            body.len()
        ))
        .await
    }

    /// Sends a text and returns the answer.
    pub(super) async fn raw(&self, request: &str) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The exchange may close before it has read everything.
        let _ = stream.write_all(request.as_bytes()).await;
        read(stream).await
    }

    /// Returns a body for `POST /v1/tokens` with a proof by `pair`.
    pub(super) async fn proved(&self, pair: &KeyPair) -> Value {
        let reply = self.send("POST", "/v1/nonces", "", "").await;
        assert_eq!(reply.status, 201, "{reply:?}");
        let nonce = reply.json()["nonce"].as_str().unwrap().to_owned();
        let nkey = pair.public_key();
        let message = format!("portcullis-exchange-v1\n{nonce}\n{nkey}");
        let signature = pair.sign(message.as_bytes()).unwrap();
        json!({
            "nkey": nkey, "name": "laptop",
            "proof": { "nonce": nonce, "signature": BASE64URL_NOPAD.encode(&signature) },
        })
    }
}

/// Reads an answer until the exchange closes the connection.
pub(super) async fn read(mut stream: impl AsyncRead + Unpin) -> Reply {
    let mut bytes = Vec::new();
    // The exchange may close while a body is still being written.
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Reply {
        status: status.unwrap_or_default(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

fn authority_options(keys: std::path::PathBuf) -> AuthorityOptions {
    let issuer = IssuerOptions {
        audiences: Allowed::only([AUDIENCE.to_owned()]).unwrap(),
        keys: KeySource::File(keys),
        ..IssuerOptions::new("company", ISSUER)
    };
    let tokens = TokenVerifier::new(vec![issuer]).unwrap();
    let accounts = ["APP", "OTHER"].map(|name| name.parse().unwrap());
    let rules = PermitRules {
        accounts: TargetAccounts::Only(BTreeSet::from(accounts)),
        ..PermitRules::default()
    };
    AuthorityOptions {
        identifier: Identifier::new(IdentifierOptions {
            tokens: Some(Arc::new(tokens)),
            ..IdentifierOptions::default()
        }),
        ..AuthorityOptions::new(rules)
    }
}

fn issuers() -> (Issuers, BTreeMap<&'static str, String>) {
    let key = || {
        let seed = IssuerKey::generate_seed().unwrap();
        IssuerKey::from_seed(seed.expose()).unwrap()
    };
    let mut keys = BTreeMap::new();
    let accounts = ["APP", "OTHER"].map(|name| {
        let issuer = key();
        keys.insert(name, issuer.public_key().to_owned());
        let account = AccountIssuer {
            key: issuer.public_key().parse().unwrap(),
            issuer: Some(issuer),
            roles: BTreeMap::new(),
        };
        (name.parse().unwrap(), account)
    });
    let callout = key();
    let account = callout.public_key().parse().unwrap();
    let operator = OperatorIssuers::new(account, callout, BTreeMap::from(accounts));
    (Issuers::Operator(Box::new(operator)), keys)
}
