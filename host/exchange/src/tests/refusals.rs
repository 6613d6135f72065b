//! Requests that get no user JWT: what the caller sees, and what the operator reads.

use nats_token::KeyPair;
use portcullis_claims::{IssuerKey, UserClaims};
use portcullis_core::Permit;
use portcullis_environment::{Clock, SystemClock};
use rstest::rstest;
use serde_json::{Value, json};

use super::support::{Reply, Stage};

/// A request with one thing wrong with it.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    NoToken,
    OtherScheme,
    Expired,
    Audience,
    KeyId,
    NoAlgorithm,
    Opaque,
    Mallory,
    NkeyKind,
    NkeyCase,
    Seed,
    Name,
    AccountName,
    UnknownAccount,
    NoScope,
    TooLarge,
    NotJson,
    Doubled,
    UnknownKey,
    Lifetime,
    ContentType,
    Method,
    Path,
    NoProof,
    Signature,
    Nonce,
    SelfMade,
    Array,
    ProofArray,
}

impl Wrong {
    /// Returns the bearer token.
    fn token(self, stage: &Stage, pair: &KeyPair) -> String {
        let with_header = |header: Value| stage.token_with(&header, &json!({}));
        let with_claims = |claims: Value| stage.token(&claims);
        match self {
            Self::Expired => with_claims(json!({ "exp": SystemClock.unix_seconds() - 3600 })),
            Self::Audience => with_claims(json!({ "aud": "other" })),
            Self::KeyId => with_header(json!({ "alg": "EdDSA", "kid": "second" })),
            Self::NoAlgorithm => with_header(json!({ "alg": "none", "kid": "first" })),
            Self::Opaque => "hunter2hunter2".to_owned(),
            Self::Mallory => with_claims(json!({ "sub": "mallory" })),
            Self::SelfMade => self_made(pair),
            Self::UnknownAccount => with_claims(json!({ "scope": "admin:write" })),
            _ => with_claims(json!({})),
        }
    }

    /// Returns the body for the routes of connect.
    fn connect_body(self, pair: &KeyPair) -> Value {
        let nkey = pair.public_key();
        match self {
            Self::NkeyKind => json!({ "user_pub_key": KeyPair::new_account().public_key() }),
            Self::NkeyCase => json!({ "user_pub_key": nkey.to_lowercase() }),
            Self::Seed => json!({ "user_pub_key": pair.seed().unwrap() }),
            Self::Name => json!({ "user_pub_key": nkey, "user_name": "a\nb" }),
            Self::TooLarge => json!({ "user_pub_key": "a".repeat(9000) }),
            _ => json!({ "user_pub_key": nkey, "user_name": "laptop" }),
        }
    }

    /// Returns the body for `POST /v1/tokens`.
    async fn own_body(self, stage: &Stage, pair: &KeyPair) -> Value {
        let mut body = stage.proved(pair).await;
        match self {
            Self::UnknownKey => body["bearer"] = json!(true),
            Self::ProofArray => {
                let proof = &body["proof"];
                body["proof"] = json!([proof["nonce"], proof["signature"]]);
            }
            Self::Lifetime => body["lifetime"] = json!(0),
            Self::NoProof => {
                body.as_object_mut().unwrap().remove("proof");
            }
            Self::Signature => {
                let other = stage.proved(&KeyPair::new_user()).await;
                body["proof"]["signature"] = other["proof"]["signature"].clone();
            }
            Self::Nonce => {
                let nonce = "a".repeat(75);
                let message = format!("portcullis-exchange-v1\n{nonce}\n{}", pair.public_key());
                let signature = pair.sign(message.as_bytes()).unwrap();
                let signature = data_encoding::BASE64URL_NOPAD.encode(&signature);
                body["proof"] = json!({ "nonce": nonce, "signature": signature });
            }
            _ => {}
        }
        body
    }

    async fn send(self, stage: &Stage) -> Reply {
        let pair = KeyPair::new_user();
        let token = self.token(stage, &pair);
        let body = self.connect_body(&pair);
        let text = body.to_string();
        let (core, json_type) = ("/core/tokens", "Content-Type: application/json\r\n");
        match self {
            Self::NoToken => stage.send("POST", core, json_type, &text).await,
            Self::OtherScheme => {
                let head = format!("{json_type}Authorization: Basic YTpi\r\n");
                stage.send("POST", core, &head, &text).await
            }
            Self::ContentType => {
                let head = format!("Authorization: Bearer {token}\r\nContent-Type: text/plain\r\n");
                stage.send("POST", core, &head, &text).await
            }
            Self::Method => stage.send("GET", core, "", "").await,
            Self::Path => stage.post("/core/token", &token, &body).await,
            Self::NotJson => stage.post_text(core, &token, "user_pub_key=U").await,
            Self::Doubled => {
                let twice = format!("{{\"user_pub_key\":{},", body["user_pub_key"]);
                let doubled = text.replacen('{', &twice, 1);
                stage.post_text(core, &token, &doubled).await
            }
            Self::AccountName | Self::UnknownAccount | Self::NoScope => {
                let name = match self {
                    Self::AccountName => "a%20b",
                    Self::UnknownAccount => "NONE",
                    _ => "OTHER",
                };
                let path = format!("/admin/accounts/{name}/tokens");
                stage.post(&path, &token, &body).await
            }
            Self::Array => {
                let array = json!([body["user_pub_key"], "laptop", null]);
                stage.post(core, &token, &array).await
            }
            Self::UnknownKey
            | Self::Lifetime
            | Self::NoProof
            | Self::Signature
            | Self::Nonce
            | Self::SelfMade
            | Self::ProofArray => {
                let body = self.own_body(stage, &pair).await;
                stage.post("/v1/tokens", &token, &body).await
            }
            _ => {
                let reply = stage.post(core, &token, &body).await;
                let seed = pair.seed().unwrap();
                assert!(!stage.log.text().contains(&seed) && !reply.body.contains(&seed));
                reply
            }
        }
    }
}

/// Returns a user JWT for `pair` in an account that no operator knows.
fn self_made(pair: &KeyPair) -> String {
    let account = IssuerKey::generate_seed().unwrap();
    let account = IssuerKey::from_seed(account.expose()).unwrap();
    let now = SystemClock.unix_seconds();
    let permit = Permit::builder("APP", now).finish().unwrap();
    let claims = UserClaims::from_permit(&pair.public_key(), &permit, now);
    claims.in_operator_mode(None).sign(&account).unwrap()
}

/// The last column is the reason of the refusal, or the class of the denial.
#[rstest]
#[case(Wrong::NoToken, 401, "unauthorized", "no-token")]
#[case(Wrong::OtherScheme, 401, "unauthorized", "authorization")]
#[case(Wrong::Expired, 401, "unauthorized", "identity-rejected")]
#[case(Wrong::Audience, 401, "unauthorized", "identity-rejected")]
#[case(Wrong::KeyId, 401, "unauthorized", "identity-rejected")]
#[case(Wrong::NoAlgorithm, 401, "unauthorized", "identity-rejected")]
#[case(Wrong::Opaque, 403, "forbidden", "policy-denied")]
#[case(Wrong::Mallory, 403, "forbidden", "policy-denied")]
#[case(Wrong::NkeyKind, 400, "bad-request", "nkey")]
#[case(Wrong::NkeyCase, 400, "bad-request", "nkey")]
#[case(Wrong::Seed, 400, "bad-request", "nkey")]
#[case(Wrong::Name, 400, "bad-request", "name")]
#[case(Wrong::AccountName, 400, "bad-request", "account")]
#[case(Wrong::UnknownAccount, 403, "forbidden", "account-not-allowed")]
#[case(Wrong::NoScope, 403, "forbidden", "scope-missing")]
#[case(Wrong::TooLarge, 413, "too-large", "body-too-large")]
#[case(Wrong::NotJson, 400, "bad-request", "json")]
#[case(Wrong::Doubled, 400, "bad-request", "json")]
#[case(Wrong::UnknownKey, 400, "bad-request", "json")]
#[case(Wrong::Lifetime, 400, "bad-request", "lifetime")]
#[case(Wrong::ContentType, 415, "unsupported-media-type", "content-type")]
#[case(Wrong::Method, 405, "method-not-allowed", "method")]
#[case(Wrong::Path, 404, "not-found", "not-found")]
#[case(Wrong::NoProof, 400, "proof-required", "proof-required")]
#[case(Wrong::Signature, 400, "proof-rejected", "proof-rejected")]
#[case(Wrong::Nonce, 400, "proof-rejected", "proof-rejected")]
#[case(Wrong::SelfMade, 401, "unauthorized", "identity-rejected")]
#[case(Wrong::Array, 400, "bad-request", "json")]
#[case(Wrong::ProofArray, 400, "bad-request", "json")]
#[tokio::test]
async fn a_bad_request_has_a_status_a_type_and_a_line_in_the_log(
    #[case] wrong: Wrong,
    #[case] status: u16,
    #[case] problem: &str,
    #[case] reason: &str,
) {
    let stage = Stage::start().await;
    let reply = wrong.send(&stage).await;
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json")
    );
    let details = reply.json();
    let id = reply.header("x-request-id").unwrap();
    let names: Vec<_> = details.as_object().unwrap().keys().collect();
    // Nothing about the reason.
    assert_eq!(names, ["request_id", "status", "title", "type"]);
    let expected = format!("urn:portcullis:exchange:{problem}");
    assert_eq!(details["type"], json!(expected));
    assert_eq!(details["status"], json!(status));
    assert_eq!(details["request_id"], json!(id));
    assert_eq!(reply.header("access-control-allow-origin"), None);
    assert_eq!(reply.header("allow"), (status == 405).then_some("POST"));
    if status == 401 {
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }

    let line = stage.log.line_of(id);
    let found = match line["message"].as_str().unwrap() {
        "exchange request refused" => &line["refusal.reason"],
        "authorization decided" => &line["denial.class"],
        other => panic!("{other}"),
    };
    assert_eq!(found, &json!(reason), "{line}");
    if matches!(wrong, Wrong::Doubled) {
        let error = line["error"].as_str().unwrap();
        assert!(
            error.starts_with("duplicate field `user_pub_key`"),
            "{error}"
        );
    }
}

/// Sends requests that `request` makes until one is answered with 429, and returns that answer.
async fn until_throttled(status: u16, mut request: impl AsyncFnMut() -> Reply) -> Reply {
    for attempt in 0..10_000 {
        let reply = request().await;
        if reply.status != status {
            assert!(attempt > 1);
            assert_eq!(reply.status, 429, "{reply:?}");
            return reply;
        }
    }
    panic!("never throttled");
}

#[tokio::test]
async fn callers_with_too_many_failures_wait() {
    let stage = Stage::start().await;
    let body = json!({ "user_pub_key": KeyPair::new_user().public_key() });
    let bad = stage.token(&json!({ "aud": "other" }));
    until_throttled(401, async || stage.post("/core/tokens", &bad, &body).await).await;
    let good = stage.token(&json!({ "sub": "bob" }));
    let reply = stage.post("/core/tokens", &good, &body).await;
    assert_eq!(reply.status, 429, "nothing is verified any more");
    let line = stage.log.line_of(reply.header("x-request-id").unwrap());
    assert_eq!(line["message"], "login throttled");
}

#[tokio::test]
async fn bad_proofs_are_failed_attempts() {
    let stage = Stage::start().await;
    let token = stage.token(&json!({}));
    let mut body = stage.proved(&KeyPair::new_user()).await;
    body["nkey"] = json!(KeyPair::new_user().public_key());
    until_throttled(400, async || stage.post("/v1/tokens", &token, &body).await).await;
}

#[tokio::test]
async fn a_nonce_that_is_used_again_is_a_failed_attempt() {
    let stage = Stage::start().await;
    let token = stage.token(&json!({}));
    let body = stage.proved(&KeyPair::new_user()).await;
    assert_eq!(stage.post("/v1/tokens", &token, &body).await.status, 201);
    until_throttled(400, async || stage.post("/v1/tokens", &token, &body).await).await;
}
