//! Tests of verdicts.

use std::time::Duration;

use portcullis_sdk::testing::take_log;
use portcullis_sdk::{ConnectionType, Permit, Responses};

use super::*;

fn reason(rules: &str, request: RequestBuilder) -> String {
    match decide(rules, request) {
        Verdict::Deny(reason) => reason,
        verdict => panic!("{rules}: {verdict:?}"),
    }
}

#[test]
fn an_object_is_a_permit() {
    let rules = r#"permit := {
        "account": "APP",
        "user_name": input.principal,
        "publish": {"allow": {"a", "b"}, "deny": ["b.c"]},
        "subscribe": {"allow": ["c q"]},
        "responses": {"max": 1, "ttl": "5s"},
        "tags": ["team:red"],
        "expires_in": 60 * 60,
        "expires_at": input.now + 60,
        "sources": ["10.0.0.0/8"],
        "connection_types": ["STANDARD"],
        "times": [{"start": "08:00:00", "end": "18:00:00"}],
        "times_location": "UTC",
        "proxy_required": true,
        "subscriptions": 10,
        "payload": 1024,
    }"#;
    let permit = Permit::new("APP")
        .with_user_name("alice")
        .allow_publish(["a", "b"])
        .deny_publish(["b.c"])
        .allow_subscribe(["c q"])
        .allow_responses(Responses {
            max: 1,
            ttl: Duration::from_secs(5),
        })
        .add_tags(["team:red"])
        .limit_lifetime(Duration::from_hours(1))
        .limit_expiry(160)
        .allow_sources(["10.0.0.0/8"])
        .allow_connection_types(["STANDARD"])
        .allow_times([("08:00:00", "18:00:00")])
        .with_times_location("UTC")
        .require_proxy()
        .limit_subscriptions(10)
        .limit_payload(1024);
    assert_eq!(decide(rules, alice().now(100)), permit.into());
    let with_role = r#"permit := {"account": "APP", "role": "reader"}"#;
    let permit = Permit::new("APP").with_role("reader");
    assert_eq!(decide(with_role, alice()), permit.into());
}

#[test]
fn an_undefined_permit_abstains() {
    let rules = r#"permit := {"account": "APP"} if input.principal == "bob""#;
    assert_eq!(decide(rules, alice()), Verdict::Abstain);
    let rules = r#"permit := {"account": input.claims.org}"#;
    assert_eq!(decide(rules, alice()), Verdict::Abstain);
}

#[test]
fn an_object_can_be_a_denial() {
    let rules = r#"permit := {"deny": "closed"}"#;
    assert_eq!(decide(rules, alice()), Verdict::deny("closed"));
}

#[test]
fn an_object_that_is_neither_denies() {
    for (value, problem) in [
        (
            r#"{"account": "APP", "acount": 1}"#,
            "unknown field `acount`",
        ),
        (
            r#"{"account": "APP", "deny": "no"}"#,
            "unknown field `deny`",
        ),
        (r#"{"user_name": "alice"}"#, "missing field `account`"),
        (
            r#"{"account": 1}"#,
            "account: expected a string, found a whole number",
        ),
        (
            r#"{"account": "APP", "expires_in": "15m"}"#,
            "expires_in: expected a whole number that is not negative, found a string",
        ),
        (
            r#"{"account": "APP", "publish": "a"}"#,
            "expected an object like",
        ),
        (
            r#"{"account": "APP", "publish": ["a"]}"#,
            "publish: expected an object like {\"allow\": [\"orders.>\"], \"deny\": []} \
             as `publish` or `subscribe`, found a list",
        ),
        (
            r#"{"account": "APP", "subscribe": [["a"], []]}"#,
            "as `publish` or `subscribe`",
        ),
        (
            r#"{"account": "APP", "publish": {"allow": ["a..b"]}}"#,
            "invalid subject `a..b`",
        ),
        (r#"{"account": "APP", "sources": []}"#, "source"),
        ("true", "the rule is not an object"),
        ("[]", "the rule is not an object"),
        ("null", "the rule is not an object"),
    ] {
        let reason = reason(&format!("permit := {value}"), alice());
        assert!(reason.starts_with("`data.portcullis.permit`: "), "{reason}");
        assert!(reason.contains(problem), "{value}: {reason}");
        assert!(!reason.contains(" at line "), "{reason}");
    }
}

#[test]
fn an_error_denies_with_its_place() {
    for (rules, line, problem) in [
        (
            "permit := {\"account\": \"A\"} if input.principal == \"alice\"\npermit := {\"account\": \"B\"}",
            "line ",
            "",
        ),
        (
            "permit := {\"account\": \"A\"} if {\n  net.cidr_contains(\"10.0.0.0/8\", input.client.host)\n}",
            "line 3, column ",
            "",
        ),
        (
            "permit := {\"account\": portcullis.token(input.claims.none)}",
            "line 2, column ",
            "`portcullis.token` takes one text",
        ),
    ] {
        let login = token(r#"{ "none": "" }"#)
            .principal("alice")
            .client_host("pipe");
        let reason = reason(rules, login);
        assert!(reason.contains(line), "{reason}");
        assert!(reason.contains(problem), "{reason}");
        assert!(!reason.contains('\n'), "{reason}");
    }
}

#[test]
fn a_token_brings_no_wildcard_into_a_subject() {
    let rules = r#"permit := {
        "account": "APP",
        "publish": {"allow": [sprintf("orders.%s.>", [portcullis.token(input.principal)])]},
    }"#;
    let permit = Permit::new("APP").allow_publish(["orders.%2A.>"]);
    assert_eq!(decide(rules, alice().principal("*")), permit.into());
}

#[test]
fn rules_read_the_facts_of_the_login() {
    let request = || {
        let claims = r#"{ "sub": "alice", "org": { "unit": "a" }, "/x": 1 }"#;
        token(claims)
            .principal("alice")
            .groups(["orders"])
            .expires_at(200)
            .now(100)
            .client_host("10.1.2.3")
            .client_name("desk")
            .client_connection_type(ConnectionType::WebSocket)
            .client_tls("1.3", "TLS_AES_128_GCM_SHA256")
            .server_name("nats-1")
            .certificate_subject("CN=alice")
    };
    for condition in [
        r#"input.principal == "alice""#,
        r#"input.issuer == "https://login.example.com""#,
        r#"input.method == "oidc""#,
        r#"input.strength == "proved""#,
        r#""orders" in input.groups"#,
        r#"input.claims.org.unit == "a""#,
        r#"input.claims["/x"] == 1"#,
        "input.expires_at - input.now == 100",
        r#"net.cidr_contains("10.0.0.0/8", input.client.host)"#,
        r#"input.client.connection_type == "WEBSOCKET""#,
        r#"input.client.tls_version == "1.3""#,
        r#"glob.match("d*", [], input.client.name)"#,
        r#"regex.match("^nats-[0-9]$", input.server.name)"#,
        r#"input.certificate.subject == "CN=alice""#,
        "input.certificate.verified",
        "not input.nkey",
    ] {
        let rules = format!("permit := {{\"account\": \"APP\"}} if {condition}");
        let permit = Permit::new("APP").into();
        assert_eq!(decide(&rules, request()), permit, "{condition}");
    }
}

#[test]
fn data_comes_from_the_settings() {
    let settings = "[settings.data]\naccounts = { alice = \"A\" }";
    let text = "package portcullis\npermit := {\"account\": data.accounts[input.principal]}";
    let policy = with_text(settings, text).unwrap();
    let permit = Permit::new("A");
    assert_eq!(policy.decide(&alice().build()), permit.into());
    let bob = alice().principal("bob").build();
    assert_eq!(policy.decide(&bob), Verdict::Abstain);
}

#[test]
fn a_claimed_principal_is_decided_only_if_the_settings_say_so() {
    let text = "package portcullis\npermit := {\"account\": input.strength}";
    let request = Request::builder().username("alice").build();
    let policy = with_text("[settings]", text).unwrap();
    assert_eq!(policy.decide(&request), Verdict::Abstain);
    let policy = with_text("[settings]\nclaimed-logins = true", text).unwrap();
    assert_eq!(policy.decide(&request), Permit::new("claimed").into());
}

#[test]
fn printed_lines_are_in_the_log() {
    let policy = policy("permit := {\"account\": \"APP\"} if print(\"hello\", input.principal)");
    let _ = take_log();
    let _ = policy.decide(&alice().build());
    let lines = take_log();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].message.contains("hello alice"), "{lines:?}");
}

#[test]
fn a_decision_leaves_nothing_to_the_next() {
    let policy = policy("permit := {\"account\": input.principal}");
    for name in ["alice", "bob"] {
        let request = alice().principal(name).build();
        assert_eq!(policy.decide(&request), Permit::new(name).into());
    }
}
