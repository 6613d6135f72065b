//! Traces of logins: the tree of their spans, the trace of their caller, and collectors that hang.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use data_encoding::HEXLOWER;
use nkeys::KeyPair;
use opentelemetry_proto::tonic::trace::v1::Span;
use portcullis_harness::{
    Accounts, Answer, Collector, CollectorMode, Credentials, Exchange, Release, Wire, attribute,
    is_refused, log_in,
};
use serde_json::json;

use crate::health::metric;
use crate::support::{
    ALICE, ALICE_PASSWORD, POLICY, SENSOR_TOKEN, alice, sensor, settings, site_with,
};

/// The trace that [`Exchange::connect_request`] names.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Returns the table that traces logins.
fn traced(collector: &Collector, keys: &str) -> String {
    format!("[telemetry.traces]\nurl = \"{}\"\n{keys}", collector.url())
}

/// Returns the span of a login of a client with this name.
fn login<'a>(spans: &'a [Span], client: &str) -> Result<&'a Span> {
    let mut logins = spans.iter().filter(|span| span.name == "login");
    let login =
        logins.find(|login| attribute(&login.attributes, "client.name").as_deref() == Some(client));
    login.with_context(|| format!("`{client}` has no span in {spans:?}"))
}

/// Returns the names of the spans that are parts of this one, in the order of their begin.
fn parts<'a>(spans: &'a [Span], whole: &Span) -> Vec<&'a str> {
    let parts = spans
        .iter()
        .filter(|span| span.parent_span_id == whole.span_id);
    let mut parts: Vec<_> = parts.collect();
    parts.sort_by_key(|span| (span.start_time_unix_nano, span.end_time_unix_nano));
    for part in &parts {
        assert_eq!(part.trace_id, whole.trace_id);
        assert!(
            part.start_time_unix_nano >= whole.start_time_unix_nano,
            "{part:?}"
        );
        assert!(
            part.end_time_unix_nano <= whole.end_time_unix_nano,
            "{part:?}"
        );
    }
    parts.into_iter().map(|span| span.name.as_str()).collect()
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

#[tokio::test]
async fn a_login_is_a_span_with_its_stages_and_policies_and_without_its_secrets() -> Result<()> {
    let settings = settings(&[alice("").await?, sensor("everything", "").await?]);
    let site = site_with(Release::Nats2_15, &settings)?;
    let server = site.start_server(Accounts::Several).await?;
    let collector = Collector::start().await?;
    let tables = format!(
        "[health]\nlisten = \"127.0.0.1:0\"\n{}",
        traced(&collector, "max-queued = 1\n")
    );
    let host = site.spawn_host(&server, &tables)?;
    let health = host.says("health served").await?;
    let health = health.text("health.address").to_owned();
    host.decides().await?;
    let desk = log_in(&server.url(), ALICE, "desk").await?;
    collector.spans(1).await?;
    let guess = Credentials::Password("alice", "a-wrong-guess");
    assert!(is_refused(&log_in(&server.url(), guess, "guess").await));

    let spans = collector.spans(2).await?;
    let admitted = login(&spans, "desk")?;
    assert!(admitted.parent_span_id.is_empty(), "{admitted:?}");
    let stages = [
        "open", "admit", "identify", "decide", "enforce", "seal", "reply",
    ];
    assert_eq!(parts(&spans, admitted), stages);
    let mut decisions = spans.iter().filter(|span| span.name == "decide");
    let decide = decisions.find(|span| span.parent_span_id == admitted.span_id);
    let policies = parts(&spans, decide.context("no decision")?);
    assert_eq!(policies, [format!("policy {POLICY}")]);
    for (key, expected) in [
        ("decision", "permit"),
        ("front_door", "callout"),
        ("account", "APP"),
        ("policy.name", POLICY),
        ("client.method", "password"),
        ("identity.principal", "alice"),
        ("reply", "sent"),
    ] {
        let found = attribute(&admitted.attributes, key);
        assert_eq!(found.as_deref(), Some(expected), "{key}");
    }
    let decision = host.decision("desk").await?;
    assert_eq!(decision.text("trace_id"), hex(&admitted.trace_id));
    let denied = login(&spans, "guess")?;
    let class = attribute(&denied.attributes, "denial.class");
    assert_eq!(class.as_deref(), Some("policy-denied"));
    assert_eq!(denied.status, None, "a denial is no failure");
    assert!(!parts(&spans, denied).contains(&"enforce"));
    let ids: BTreeSet<_> = spans.iter().map(|span| &span.span_id).collect();
    assert_eq!(ids.len(), spans.len());
    no_secrets(&collector).await?;
    hangs(&collector, &health, server.port()).await?;
    drop(desk);
    Ok(())
}

/// Checks that no request has a secret.
async fn no_secrets(collector: &Collector) -> Result<()> {
    for request in collector.requests(|requests| !requests.is_empty()).await? {
        assert_eq!(request.path, "/v1/traces");
        let body = String::from_utf8_lossy(&request.body).into_owned();
        for secret in [ALICE_PASSWORD, "a-wrong-guess", "eyJ"] {
            assert!(!body.contains(secret), "`{secret}` is in a request");
        }
    }
    Ok(())
}

/// Checks that logins do not wait for a collector that never answers.
async fn hangs(collector: &Collector, health: &str, port: u16) -> Result<()> {
    collector.set_mode(CollectorMode::Hangs);
    let presented = json!({ "auth_token": SENSOR_TOKEN });
    for _ in 0..6 {
        let mut wire = Wire::open(port).await?;
        assert_eq!(wire.log_in(&presented).await?, Answer::Admitted);
    }
    // One trace is on its way for ever, and one waits.
    assert!(metric(health, "portcullis_login_traces_lost_total").await? >= 1);
    assert!(metric(health, "portcullis_login_traces_sent_total").await? >= 2);
    Ok(())
}

#[tokio::test]
async fn an_exchange_continues_the_trace_of_its_caller() -> Result<()> {
    let collector = Collector::start().await?;
    let settings = settings(&[sensor("own", "").await?]);
    // Of those without a trace, practically none is traced.
    let tables = traced(&collector, "one-in = 1000000\n");
    let stage = Exchange::deciding_with(Release::Nats2_15, POLICY, &settings, &tables).await?;
    let nkey = KeyPair::new_user().public_key();
    let page = stage
        .connect_request("/core/tokens", SENSOR_TOKEN, &nkey)
        .await?;
    assert_eq!(page.status, 201, "{page:?}");
    let spans = collector.spans(1).await?;
    let exchanged = login(&spans, "go-host")?;
    assert_eq!(hex(&exchanged.trace_id), TRACE);
    assert_eq!(hex(&exchanged.parent_span_id), "00f067aa0ba902b7");
    let stages = ["admit", "identify", "decide", "enforce", "seal"];
    assert_eq!(parts(&spans, exchanged), stages);
    let door = attribute(&exchanged.attributes, "front_door");
    assert_eq!(door.as_deref(), Some("exchange"));
    Ok(())
}
