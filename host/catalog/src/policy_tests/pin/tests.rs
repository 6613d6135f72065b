//! Tests of tests that were made from records.

use portcullis_core::{KeyKind, PublicKey};
use serde_json::json;

use super::*;
use crate::policy_tests::PolicyTests;

/// Returns a record of a login by a token, which two policies were asked about.
fn record(last: &str) -> DecisionRecord {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let answer = |name: &str, answer: &str, asked: &[&str]| {
        json!({
            "name": name, "digest": digest, "version": digest, "generation": 3,
            "answer": answer, "asked": asked, "elapsed-us": 12,
        })
    };
    let access = json!({
        "account": "APP",
        "publish": { "allow": ["orders.>", "a\"b"] },
        "subscribe": { "allow": [], "deny": [">"] },
    });
    let server = PublicKey::from_bytes(KeyKind::Server, [2; PublicKey::LEN]);
    let is_permit = last == "permit";
    serde_json::from_value(json!({
        "format": 1, "id": "00-7", "time": "2026-11-29T03:12:07.123Z", "received-at": 1_900_000_000,
        "host": { "name": "portcullis", "version": "0.1.0", "start": "00", "sequence": 7 },
        "outcome": if is_permit { "admitted" } else { "denied" },
        "verdict": if is_permit { "permit" } else { "deny" },
        "class": "policy-denied", "reason": "no role",
        "user-nkey": "U",
        "login": {
            "identity": {
                "method": "oidc", "principal": "alice", "proved": true, "issuer": "https://idp",
            },
            "client": { "host": null, "kind": "Client", "transport": "nats", "id": 7 },
            "server": { "id": server.as_str(), "name": "s1" },
        },
        "policy": { "name": "b", "digest": digest, "version": digest, "generation": 3 },
        "policies": [
            answer("a", "abstain", &["identity.method"]),
            answer("b", last, &["identity.claim(roles)"]),
        ],
        "access": is_permit.then_some(access),
        "reply": "sent", "elapsed-us": 300,
    }))
    .unwrap()
}

/// Returns the only test of a file.
fn parsed(text: &str) -> PolicyTests {
    let tests = PolicyTests::parse(std::path::Path::new("b.tests.toml"), text.as_bytes()).unwrap();
    assert_eq!(tests.len(), 1);
    tests
}

#[test]
fn a_permit_becomes_a_test_that_expects_it() {
    let record = record("permit");
    let pinned = pin(&record, None).unwrap();
    parsed(&pinned.text);
    assert!(
        pinned
            .text
            .contains(r#"publish = { allow = ["orders.>", 'a"b'] }"#),
        "{}",
        pinned.text
    );
    assert!(pinned.text.contains("now = 1900000000"), "{}", pinned.text);
}

#[test]
fn every_policy_that_was_asked_can_be_tested() {
    let record = record("deny");
    let denial = pin(&record, None).unwrap();
    assert!(
        denial.text.contains("deny = \"no role\""),
        "{}",
        denial.text
    );
    let abstention = pin(&record, Some("a")).unwrap();
    assert!(abstention.text.contains("abstain = true"));
    assert_eq!(
        pin(&record, Some("c")),
        Err(PinError::NotAsked("c".to_owned()))
    );
    let failed = pin(&self::record("fail"), None);
    assert_eq!(failed, Err(PinError::Failed("b".to_owned())));
}

#[test]
fn a_login_by_certificate_becomes_a_test_that_can_run() {
    let mut record = record("deny");
    let identity = &mut record.login.identity;
    identity.method = "certificate".to_owned();
    identity.principal = Some("CN=device-7".to_owned());
    identity.issuer = Some("CN=ca".to_owned());
    identity.expires_at = Some(1_900_000_060);
    let pinned = pin(&record, None).unwrap();
    parsed(&pinned.text);
    assert!(
        pinned.text.contains(r#"subject = "CN=device-7""#),
        "{}",
        pinned.text
    );
}

#[test]
fn facts_that_the_record_lacks_are_named() {
    let mut record = record("deny");
    let pinned = pin(&record, None).unwrap();
    let note = pinned.notes.first().unwrap();
    assert!(note.contains("identity.claim(roles)"), "{note}");
    let claims = &mut record.login.identity.claims;
    claims.insert("roles".to_owned(), json!(["a", null]));
    let pinned = pin(&record, None).unwrap();
    assert_eq!(pinned.notes, [""; 0]);
    assert!(pinned.text.contains(r#"roles = ["a"]"#), "{}", pinned.text);
}
