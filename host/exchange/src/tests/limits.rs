//! The limits on what peers decide.

use std::time::Duration;

use nats_token::KeyPair;
use portcullis_core::SampleValue;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::{Reply, Stage, read};
use crate::ExchangeOptions;

fn count(stage: &Stage, name: &str, label: Option<&str>) -> u64 {
    let samples = stage.exchange.samples();
    let found = samples.iter().find(|sample| {
        sample.name == name && sample.labels.first().map(|(_, text)| text.as_str()) == label
    });
    match found.map(|sample| &sample.value) {
        Some(SampleValue::Counter(count)) => *count,
        other => panic!("{name}: {other:?}"),
    }
}

pub(super) fn closed(stage: &Stage, reason: &str) -> u64 {
    count(stage, "exchange_connections_closed", Some(reason))
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_a_timeout() {
    let options = ExchangeOptions {
        request_timeout: Duration::from_millis(50),
        ..ExchangeOptions::default()
    };
    let stage = Stage::with(options).await;
    let token = stage.token(&json!({}));
    let request = format!(
        "POST /core/tokens HTTP/1.1\r\nHost: exchange\r\nContent-Length: 100\r\n\
         Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n\r\n{{"
    );
    let reply = stage.raw(&request).await;
    assert_eq!(reply.status, 408, "{reply:?}");
    assert_eq!(
        reply.json()["type"],
        json!("urn:portcullis:exchange:timeout")
    );
    assert_eq!(reply.header("connection"), Some("close"));
    let line = stage.log.line_of(reply.header("x-request-id").unwrap());
    assert_eq!(line["refusal.reason"], "timeout");
    assert_eq!(count(&stage, "exchange_refusals", Some("timeout")), 1);
}

/// Returns the number of connections that send nothing: 1,000, or fewer on a system with fewer
/// files. Each takes two file descriptors of this process.
fn silent_connections() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let _ = setrlimit(Resource::Nofile, raised);
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    1000.min(files / 4)
}

#[tokio::test]
async fn silent_connections_are_closed_and_hold_up_no_caller() {
    let options = ExchangeOptions {
        idle_timeout: Duration::from_millis(500),
        max_connections_per_address: 4096,
        ..ExchangeOptions::default()
    };
    let stage = Stage::with(options).await;
    let count = silent_connections();
    let mut silent = Vec::new();
    for _ in 0..count {
        silent.push(TcpStream::connect(stage.address).await.unwrap());
    }
    let body = json!({ "user_pub_key": KeyPair::new_user().public_key() });
    let token = stage.token(&json!({}));
    let reply = stage.post("/core/tokens", &token, &body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    for mut connection in silent {
        let mut bytes = Vec::new();
        let _ = connection.read_to_end(&mut bytes).await;
        assert_eq!(bytes, b"", "closed without an answer");
    }
    // The exchange counts a connection once its task ends.
    while closed(&stage, "idle") < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_connection_is_closed_when_it_is_silent_after_a_request() {
    let options = ExchangeOptions {
        idle_timeout: Duration::from_millis(500),
        ..ExchangeOptions::default()
    };
    let stage = Stage::with(options).await;
    let request = "POST /v1/nonces HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(stage.raw(request).await.status, 201);
}

#[tokio::test]
async fn a_connection_that_reads_no_answer_is_closed() {
    let options = ExchangeOptions {
        idle_timeout: Duration::from_millis(500),
        ..ExchangeOptions::default()
    };
    let stage = Stage::with(options).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let request = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n";
    // Answers fill the buffers of the system, then the exchange cannot write and reads no more.
    while stream.write_all(request.as_bytes()).await.is_ok() {}
    while closed(&stage, "unread") == 0 {
        tokio::task::yield_now().await;
    }
    let text = stage.log.text();
    assert!(text.contains("\"connection.reason\":\"unread\""), "{text}");
}

#[tokio::test]
async fn a_connection_ends_with_its_age_and_its_request_does_not() {
    let options = ExchangeOptions {
        idle_timeout: Duration::from_hours(1),
        max_connection_age: Duration::from_millis(500),
        ..ExchangeOptions::default()
    };
    let stage = Stage::with(options).await;
    let slow = stage.token(&json!({ "sub": "slow" }));
    let body = json!({ "user_pub_key": KeyPair::new_user().public_key() });
    let older = async {
        stage.doorkeeper.begun.notified().await;
        // This connection is younger, so the request's has reached its age when this one is closed.
        let younger = TcpStream::connect(stage.address).await.unwrap();
        assert_eq!(read(younger).await.status, 0);
        stage.doorkeeper.let_end.notify_one();
    };
    let (reply, ()) = tokio::join!(stage.post("/core/tokens", &slow, &body), older);
    assert_eq!(reply.status, 201, "{reply:?}");
    while closed(&stage, "max-connection-age") < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn connections_of_one_address_are_limited() {
    let options = ExchangeOptions {
        max_connections_per_address: 1,
        ..ExchangeOptions::default()
    };
    let stage = Stage::with(options).await;
    let first = TcpStream::connect(stage.address).await.unwrap();
    for _ in 0..2 {
        let further = TcpStream::connect(stage.address).await.unwrap();
        assert_eq!(read(further).await.status, 0);
    }
    assert_eq!(closed(&stage, "max-connections-per-address"), 2);
    let text = stage.log.text();
    let lines = text.matches("\"exchange connection closed\"").count();
    assert_eq!(lines, 1, "the others are summed up: {text}");
    drop(first);
    let request = "POST /v1/nonces HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    while stage.raw(request).await.status != 201 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once() {
    let options = ExchangeOptions {
        max_connections: 1,
        idle_timeout: Duration::from_hours(1),
        ..ExchangeOptions::default()
    };
    let stage = Stage::with(options).await;
    let mut first = TcpStream::connect(stage.address).await.unwrap();
    let second = TcpStream::connect(stage.address).await.unwrap();
    assert_eq!(read(second).await.status, 0);
    assert_eq!(closed(&stage, "max-connections"), 1);
    let request = "POST /v1/nonces HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    first.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(read(first).await.status, 201);
}

#[tokio::test]
async fn decisions_beyond_the_limit_are_shed_and_slow_bodies_hold_up_no_caller() {
    let options = ExchangeOptions {
        max_in_flight: 1,
        ..ExchangeOptions::default()
    };
    let stage = Stage::with(options).await;
    let token = stage.token(&json!({}));
    let head = format!(
        "POST /core/tokens HTTP/1.1\r\nHost: exchange\r\nContent-Length: 100\r\n\
         Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let mut unfinished = TcpStream::connect(stage.address).await.unwrap();
    unfinished.write_all(head.as_bytes()).await.unwrap();
    // The exchange has begun the request without a body once it counts it.
    while count(&stage, "exchange_requests", None) == 0 {
        tokio::task::yield_now().await;
    }
    let body = json!({ "user_pub_key": KeyPair::new_user().public_key() });
    let reply = stage.post("/core/tokens", &token, &body).await;
    assert_eq!(reply.status, 201, "{reply:?}");

    let slow = stage.token(&json!({ "sub": "slow" }));
    let shed = async {
        stage.doorkeeper.begun.notified().await;
        let reply = stage.post("/core/tokens", &token, &body).await;
        stage.doorkeeper.let_end.notify_one();
        reply
    };
    let (slow, shed) = tokio::join!(stage.post("/core/tokens", &slow, &body), shed);
    assert_eq!(slow.status, 201, "{slow:?}");
    assert_eq!(shed.status, 503, "{shed:?}");
    assert_eq!(shed.header("retry-after"), Some("1"));
    assert_eq!(count(&stage, "exchange_refusals", Some("overloaded")), 1);
}

#[tokio::test]
async fn a_large_head_is_refused() {
    let stage = Stage::start().await;
    let token = "a".repeat(64 << 10);
    let reply = stage.post("/core/tokens", &token, &json!({})).await;
    // The answer is lost if the rest of the head arrives after the exchange has closed.
    assert!(matches!(reply.status, 431 | 0), "{reply:?}");
    assert_eq!(count(&stage, "exchange_requests", None), 0);
}

#[tokio::test]
async fn only_listed_origins_may_call_from_a_browser() {
    let origin = "https://app.example.com";
    let options = ExchangeOptions {
        allowed_origins: vec![origin.to_owned()],
        ..ExchangeOptions::default()
    };
    let stage = Stage::with(options).await;
    let preflight = async |stage: &Stage, origin: &str| {
        let head = format!("Origin: {origin}\r\nAccess-Control-Request-Method: POST\r\n");
        let reply = stage.send("OPTIONS", "/v1/tokens", &head, "").await;
        reply
            .header("access-control-allow-origin")
            .map(str::to_owned)
    };
    assert_eq!(preflight(&stage, origin).await.as_deref(), Some(origin));
    assert_eq!(preflight(&stage, "https://evil.example").await, None);
    // A page also reads why its request was refused, whichever part of the exchange refuses it.
    let token = stage.token(&json!({}));
    let authorization = format!("Authorization: Bearer {token}\r\n");
    let json_type = "Content-Type: application/json\r\n";
    let large = "a".repeat(9000);
    for (method, path, head, body, status) in [
        ("POST", "/v1/tokens", "", "", 401),
        ("POST", "/v1/tokens", &*authorization, "", 415),
        (
            "POST",
            "/v1/tokens",
            &format!("{authorization}{json_type}"),
            "[]",
            400,
        ),
        (
            "POST",
            "/v1/tokens",
            &format!("{authorization}{json_type}"),
            &*large,
            413,
        ),
        ("POST", "/v2/tokens", "", "", 404),
        ("GET", "/v1/tokens", "", "", 405),
    ] {
        let head = format!("Origin: {origin}\r\n{head}");
        let reply = stage.send(method, path, &head, body).await;
        assert_eq!(reply.status, status, "{reply:?}");
        let allowed = reply.header("access-control-allow-origin");
        assert_eq!(allowed, Some(origin), "{reply:?}");
        let exposed = reply.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("x-request-id"), "{exposed}");
    }
    let stage = Stage::start().await;
    assert_eq!(preflight(&stage, origin).await, None);
}

#[tokio::test]
async fn a_full_memory_of_used_nonces_is_a_named_denial() {
    let options = ExchangeOptions {
        max_used_nonces: 1,
        ..ExchangeOptions::default()
    };
    let stage = Stage::with(options).await;
    let token = stage.token(&json!({}));
    for status in [201, 503] {
        let body = stage.proved(&KeyPair::new_user()).await;
        let reply = stage.post("/v1/tokens", &token, &body).await;
        assert_eq!(reply.status, status, "{reply:?}");
        let line = stage.log.line_of(reply.header("x-request-id").unwrap());
        if status == 503 {
            assert_eq!(line["denial.class"], "overloaded");
            let reason = line["denial.reason"].as_str().unwrap();
            assert!(reason.contains("max-used-nonces"), "{reason}");
        }
        let samples = stage.exchange.samples();
        let gauge = samples
            .iter()
            .find(|sample| sample.name == "exchange_used_nonces");
        assert_eq!(gauge.unwrap().value, SampleValue::Gauge(1.0));
    }
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_end_its_decision() {
    let options = ExchangeOptions {
        max_in_flight: 1,
        ..ExchangeOptions::default()
    };
    let stage = Stage::with(options).await;
    let token = stage.token(&json!({ "sub": "slow" }));
    let body = json!({ "user_pub_key": KeyPair::new_user().public_key() }).to_string();
    let request = format!(
        "POST /core/tokens HTTP/1.1\r\nHost: exchange\r\nContent-Length: {}\r\n\
         Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stage.doorkeeper.begun.notified().await;
    drop(stream);
    let other = stage.token(&json!({}));
    // The exchange has noticed the end of the connection by the time of one of these requests.
    for _ in 0..20 {
        let reply = stage.post_text("/core/tokens", &other, &body).await;
        assert_eq!(reply.status, 503, "the place is still taken: {reply:?}");
    }
    stage.doorkeeper.let_end.notify_one();
    while stage.post_text("/core/tokens", &other, &body).await.status == 503 {
        tokio::task::yield_now().await;
    }
    let text = stage.log.text();
    assert!(text.contains("\"identity.principal\":\"slow\""), "{text}");
}

/// Sends requests from a web page of `origin` until one is answered with `status`. Asserts that the
/// page may read the answer.
async fn assert_readable(stage: &Stage, origin: &str, status: u16, token: &str, body: &str) {
    let head = format!(
        "Origin: {origin}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    );
    for _ in 0..10_000 {
        let reply = stage.send("POST", "/core/tokens", &head, body).await;
        if reply.status == status {
            return assert_cross_origin(&reply, origin);
        }
        // Failed attempts come before the limit on them.
        assert_eq!((reply.status, status), (401, 429), "{reply:?}");
    }
    panic!("never answered with {status}");
}

fn assert_cross_origin(reply: &Reply, origin: &str) {
    let allowed = reply.header("access-control-allow-origin");
    assert_eq!(allowed, Some(origin), "{reply:?}");
    let exposed = reply.header("access-control-expose-headers").unwrap();
    for header in ["x-request-id", "retry-after"] {
        assert!(exposed.contains(header), "{reply:?}");
    }
}

#[tokio::test]
async fn a_web_page_reads_the_answers_of_the_limits() {
    let origin = "https://app.example.com";
    let options = || ExchangeOptions {
        allowed_origins: vec![origin.to_owned()],
        ..ExchangeOptions::default()
    };
    let stage = Stage::with(options()).await;
    let body = json!({ "user_pub_key": KeyPair::new_user().public_key() }).to_string();
    let token = stage.token(&json!({}));
    assert_readable(&stage, origin, 413, &token, &"a".repeat(9000)).await;
    let bad = stage.token(&json!({ "aud": "other" }));
    assert_readable(&stage, origin, 429, &bad, &body).await;

    let stage = Stage::with(ExchangeOptions {
        max_in_flight: 1,
        ..options()
    })
    .await;
    let (token, slow) = (
        stage.token(&json!({})),
        stage.token(&json!({ "sub": "slow" })),
    );
    let shed = async {
        stage.doorkeeper.begun.notified().await;
        assert_readable(&stage, origin, 503, &token, &body).await;
        stage.doorkeeper.let_end.notify_one();
    };
    let (slow, ()) = tokio::join!(stage.post_text("/core/tokens", &slow, &body), shed);
    assert_eq!(slow.status, 201, "{slow:?}");

    let stage = Stage::with(ExchangeOptions {
        request_timeout: Duration::from_millis(50),
        ..options()
    })
    .await;
    let token = stage.token(&json!({}));
    let late = format!(
        "POST /core/tokens HTTP/1.1\r\nHost: exchange\r\nContent-Length: 100\r\nOrigin: {origin}\r\n\
         Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n\r\n{{"
    );
    let reply = stage.raw(&late).await;
    assert_eq!(reply.status, 408, "{reply:?}");
    assert_cross_origin(&reply, origin);
}
