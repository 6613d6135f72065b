//! Keys that sign, tokens, and an identity provider whose faults a test chooses.

#![expect(
    clippy::similar_names,
    reason = "tables of cases, told apart by what they do"
)]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512,
};
use data_encoding::BASE64URL_NOPAD;
use parking_lot::Mutex;
use portcullis_core::Allowed;
use serde_json::{Value, json};
use url::Url;

use super::IssuerOptions;

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://idp.example/realm";

/// Returns a deadline that no test misses.
pub(crate) fn far() -> Instant {
    Instant::now() + Duration::from_mins(2)
}

/// Waits until `condition` is true.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let end = far();
    while !condition() {
        assert!(Instant::now() < end, "it never was so");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A key that signs.
pub(crate) enum Signer {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

pub(crate) static RSA: LazyLock<Signer> =
    LazyLock::new(|| Signer::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));
pub(crate) static P256: LazyLock<Signer> = LazyLock::new(p256);
pub(crate) static P384: LazyLock<Signer> = LazyLock::new(|| {
    Signer::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
});
pub(crate) static ED25519: LazyLock<Signer> = LazyLock::new(ed25519);

pub(crate) fn p256() -> Signer {
    Signer::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
}

pub(crate) fn ed25519() -> Signer {
    Signer::Ed25519(Ed25519KeyPair::generate().unwrap())
}

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL_NOPAD.encode(bytes.as_ref())
}

impl Signer {
    /// Returns the public key as a JWK.
    pub(crate) fn jwk(&self, id: &str) -> Value {
        let point = |pair: &EcdsaKeyPair, curve: &str, size: usize| {
            let point = pair.public_key().as_ref();
            let (x, y) = (base64(&point[1..=size]), base64(&point[1 + size..]));
            json!({ "kty": "EC", "crv": curve, "x": x, "y": y, "kid": id })
        };
        match self {
            Self::Rsa(pair) => {
                let n = pair
                    .public_key()
                    .modulus()
                    .big_endian_without_leading_zero();
                let e = pair
                    .public_key()
                    .exponent()
                    .big_endian_without_leading_zero();
                json!({ "kty": "RSA", "n": base64(n), "e": base64(e), "kid": id })
            }
            Self::P256(pair) => point(pair, "P-256", 32),
            Self::P384(pair) => point(pair, "P-384", 48),
            Self::Ed25519(pair) => {
                let x = base64(pair.public_key().as_ref());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": id })
            }
        }
    }

    pub(crate) fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let padding: &'static dyn aws_lc_rs::signature::RsaEncoding = match algorithm {
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Self::P256(pair) | Self::P384(pair) => {
                pair.sign(&random, message).unwrap().as_ref().to_vec()
            }
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// Returns a token with this header and these claims.
    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        let message = format!(
            "{}.{}",
            base64(header.to_string()),
            base64(claims.to_string())
        );
        let algorithm = header["alg"].as_str().unwrap_or_default();
        let signature = self.sign(algorithm, message.as_bytes());
        format!("{message}.{}", base64(signature))
    }

    /// Returns a valid token with this `kid`, signed with `ES256`, `ES384`, `RS256` or `EdDSA`.
    pub(crate) fn good(&self, id: &str) -> String {
        let algorithm = match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
            Self::P384(_) => "ES384",
            Self::Ed25519(_) => "EdDSA",
        };
        self.token(&json!({ "alg": algorithm, "kid": id }), &claims())
    }
}

/// Returns claims that the issuer of [`options`] could make.
pub(crate) fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "nats", "sub": "alice", "iat": NOW - 10, "exp": NOW + 600 })
}

pub(crate) fn options() -> IssuerOptions {
    IssuerOptions {
        audiences: Allowed::only(["nats".to_owned()]).unwrap(),
        ..IssuerOptions::new("idp", ISSUER)
    }
}

/// Returns a JWK set of these keys.
pub(crate) fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// An answer of a provider.
#[derive(Clone)]
pub(crate) enum Answer {
    /// This document.
    Document(String),
    /// These bytes with their headers, followed by the end of the connection.
    Raw(String),
    /// A document without an end.
    Endless,
    /// No answer while the provider exists.
    Silence,
    /// This document, once the test releases it.
    Held(String, Arc<Mutex<Receiver<()>>>),
}

impl Answer {
    /// Returns a document that is held back until the sender is dropped.
    pub(crate) fn held(document: String) -> (Sender<()>, Self) {
        let (release, held) = channel();
        (release, Self::Held(document, Arc::new(Mutex::new(held))))
    }
}

/// An HTTP server on this machine.
pub(crate) struct Provider {
    pub(crate) url: Url,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    answers: Mutex<HashMap<String, Answer>>,
    requests: Mutex<Vec<String>>,
    silent: Mutex<Vec<Box<dyn Stream>>>,
}

pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl Provider {
    pub(crate) fn start() -> Self {
        Self::start_with("http", |stream| Box::new(stream))
    }

    pub(crate) fn start_with(
        scheme: &str,
        wrap: impl Fn(TcpStream) -> Box<dyn Stream> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let serving = Arc::downgrade(&state);
        let wrap = Arc::new(wrap);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(state) = serving.upgrade() else {
                    return;
                };
                let wrap = Arc::clone(&wrap);
                // A client that disconnects is no failure of the test.
                thread::spawn(move || drop(state.serve(wrap(stream))));
            }
        });
        let url = format!("{scheme}://127.0.0.1:{port}").parse().unwrap();
        Self { url, state }
    }

    pub(crate) fn at(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }

    pub(crate) fn answer(&self, path: &str, answer: Answer) {
        let mut answers = self.state.answers.lock();
        answers.insert(path.to_owned(), answer);
    }

    pub(crate) fn document(&self, path: &str, document: impl Into<String>) {
        self.answer(path, Answer::Document(document.into()));
    }

    /// Returns the heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().clone()
    }

    pub(crate) fn hits(&self, path: &str) -> usize {
        let begin = format!("GET {path} ");
        let requests = self.requests();
        requests
            .iter()
            .filter(|head| head.starts_with(&begin))
            .count()
    }
}

impl State {
    fn serve(&self, mut stream: Box<dyn Stream>) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte)? == 0 {
                return Ok(());
            }
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        self.requests.lock().push(head);
        let answer = self.answers.lock().get(&path).cloned();
        let document = match answer {
            None => {
                return write(
                    &mut stream,
                    "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
                );
            }
            Some(Answer::Raw(text)) => return write(&mut stream, &text),
            Some(Answer::Endless) => {
                write(&mut stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
                loop {
                    write(&mut stream, &" ".repeat(1024))?;
                }
            }
            Some(Answer::Silence) => {
                self.silent.lock().push(stream);
                return Ok(());
            }
            Some(Answer::Document(document)) => document,
            Some(Answer::Held(document, held)) => {
                let _ = held.lock().recv();
                document
            }
        };
        let length = document.len();
        write(
            &mut stream,
            &format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{document}"
            ),
        )
    }
}

fn write(stream: &mut dyn Stream, text: &str) -> std::io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}
