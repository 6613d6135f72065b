//! What becomes of a login.

use std::time::Duration;

use portcullis_sdk::Permit;
use serde_json::json;

use super::*;

const CLUSTER: &str = "https://kubernetes.default.svc";
const FINGERPRINT: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

const RULES: &str = r#"
    [settings]
    default-account = "APP"
    kubernetes-issuers = ["https://kubernetes.default.svc"]
    [[settings.rules]]
    spiffe = "spiffe://prod.example/ns/*/sa/*"
    dns = "*.web.example"
    publish = { allow = ["both.{{1}}.{{2}}.{{3}}"] }
    [[settings.rules]]
    spiffe = "spiffe://prod.example/ns/*/sa/api"
    publish = { allow = ["api.{{1}}.>"] }
    expires-in = "1h"
    [[settings.rules]]
    service-account = "sensors/sensor-*"
    account = "SENSORS"
    publish = { allow = ["sensors.{{1}}.>"] }
    sources = ["10.0.0.0/8"]
    [[settings.rules]]
    email = "*@example.com"
    subscribe = { allow = ["mail.{{1}}"] }
    [[settings.rules]]
    subject = "CN=*,O=Acme"
    subscribe = { allow = ["subject.{{1}}"] }
    [[settings.rules]]
    uri = "https://example.com/**"
    subscribe = { allow = ["uri.{{1}}"] }
    [[settings.rules]]
    fingerprints = ["9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08"]
    publish = { allow = ["pinned"] }
"#;

fn named(name: &str) -> Permit {
    Permit::new("APP").user_name(name)
}

fn spiffe(id: &str) -> RequestBuilder {
    Request::builder().certificate_spiffe_id(id)
}

#[test]
fn the_first_rule_that_fits_decides() {
    let policy = policy(RULES);
    let api = "spiffe://prod.example/ns/shop/sa/api";
    let worker = "spiffe://prod.example/ns/shop/sa/worker";
    assert_eq!(
        decide(&policy, spiffe(api)),
        named(api)
            .publish_allow("api.shop.>")
            .expires_in(Duration::from_hours(1))
            .into()
    );
    assert_eq!(decide(&policy, spiffe(worker)), Verdict::Abstain);
    // All patterns of a rule have to fit, and any of several names will do.
    let both = spiffe(worker)
        .certificate_dns_name("other.example")
        .certificate_dns_name("a.web.example");
    assert_eq!(
        decide(&policy, both),
        named(worker).publish_allow("both.shop.worker.a").into()
    );
}

#[test]
fn names_in_certificates_are_of_several_kinds() {
    let policy = policy(RULES);
    for (request, permit) in [
        (
            Request::builder().certificate_email_name("al.ice@example.com"),
            named("al.ice@example.com").subscribe_allow("mail.al%2Eice"),
        ),
        (
            Request::builder().certificate_subject("CN=*,O=Acme"),
            named("CN=*,O=Acme").subscribe_allow("subject.%2A"),
        ),
        (
            Request::builder().certificate_fingerprint(FINGERPRINT),
            named(FINGERPRINT).publish_allow("pinned"),
        ),
    ] {
        assert_eq!(decide(&policy, request), permit.into());
    }
}

#[test]
fn what_else_was_presented_does_not_matter_to_a_certificate() {
    let api = "spiffe://prod.example/ns/shop/sa/api";
    let request = spiffe(api).username("mallory").password("guess");
    assert!(matches!(
        decide(&policy(RULES), request),
        Verdict::Permit(_)
    ));
}

#[test]
fn service_accounts_are_those_of_the_clusters() {
    let policy = policy(RULES);
    let claims = json!({
        "sub": "system:serviceaccount:sensors:sensor-7",
        "kubernetes.io": { "namespace": "sensors", "serviceaccount": { "name": "sensor-7" } },
    });
    let permit: Verdict = Permit::new("SENSORS")
        .user_name("sensors/sensor-7")
        .publish_allow("sensors.7.>")
        .source_allow("10.0.0.0/8")
        .into();
    let token = |issuer: &str, claims: &serde_json::Value| {
        Request::builder().oidc(issuer, &claims.to_string())
    };
    assert_eq!(decide(&policy, token(CLUSTER, &claims)), permit);
    let bare = json!({ "sub": "system:serviceaccount:sensors:sensor-7" });
    assert_eq!(decide(&policy, token(CLUSTER, &bare)), permit);
    // Whoever else says so.
    assert_eq!(
        decide(&policy, token("https://idp.example", &claims)),
        Verdict::Abstain
    );
    let jwt = token(CLUSTER, &claims).method("jwt");
    assert_eq!(decide(&policy, jwt), Verdict::Abstain);
    for other in [
        "system:serviceaccount:web:sensor-7",
        "system:node:a",
        "sensors:sensor-7",
    ] {
        let claims = json!({ "sub": other });
        assert_eq!(
            decide(&policy, token(CLUSTER, &claims)),
            Verdict::Abstain,
            "{other}"
        );
    }
}

#[test]
fn without_a_name_nothing_fits() {
    let policy = policy(RULES);
    for request in [
        Request::builder(),
        Request::builder().username("spiffe://prod.example/ns/shop/sa/api"),
        Request::builder().certificate_fingerprint("00"),
    ] {
        assert_eq!(decide(&policy, request), Verdict::Abstain);
    }
}
