//! Tests of logins by service account.

use portcullis_sdk::{Responses, subject};
use serde_json::{Value, json};

use super::*;

const SETTINGS: &str = r#"
    [settings]
    account = "APP"
    issuers = ["https://kubernetes.default.svc.cluster.local"]
    [[settings.rules]]
    service-account = "prod/*"
    publish = { allow = ["{{1}}.{{claim./kubernetes.io/pod/name}}"] }
    [[settings.rules]]
    service-account = "*/api"
    issuers = ["https://other.example"]
    publish = { allow = ["other.{{1}}"] }
"#;

fn claims(namespace: &str, name: &str) -> Value {
    json!({
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
        "kubernetes.io": {
            "namespace": namespace,
            "serviceaccount": { "name": name, "uid": "1" },
            "pod": { "name": "pod-1.a" },
        },
    })
}

fn api() -> Verdict {
    permit("APP", "prod/api")
        .allow_publish(["api.pod-1%2Ea"])
        .into()
}

#[test]
fn a_service_account_is_what_the_claims_and_the_subject_say() {
    let policy = policy(SETTINGS);
    let both = claims("prod", "api");
    assert_eq!(decide(&policy, token(&both)), api());

    let mut only_claims = both.clone();
    only_claims.as_object_mut().unwrap().remove("sub");
    assert_eq!(decide(&policy, token(&only_claims)), api());

    let only_subject = json!({ "sub": "system:serviceaccount:prod:api" });
    let without_pod = permit("APP", "prod/api");
    assert_eq!(decide(&policy, token(&only_subject)), without_pod.into());
}

#[test]
fn a_token_that_contradicts_itself_has_no_owner() {
    let policy = policy(SETTINGS);
    let change = |path: &str, value: Value| {
        let mut claims = claims("prod", "api");
        *claims.pointer_mut(path).unwrap() = value;
        claims
    };
    for claims in [
        change("/sub", "system:serviceaccount:dev:api".into()),
        change("/sub", "system:serviceaccount:prod:web".into()),
        change("/sub", "system:serviceaccount:prod".into()),
        change("/sub", "alice".into()),
        change("/sub", json!(["system:serviceaccount:prod:api", "x"])),
        change("/kubernetes.io/namespace", "dev".into()),
        change("/kubernetes.io/namespace", json!(["prod", "dev"])),
        change("/kubernetes.io/namespace", Value::Null),
        change("/kubernetes.io/serviceaccount", json!({})),
        json!({ "sub": "system:serviceaccount:prod:" }),
        json!({ "sub": "system:serviceaccount::api" }),
        json!({ "sub": "system:serviceaccount:prod:api:x" }),
        json!({ "sub": "system:serviceaccount:prod:a/b" }),
        json!({ "sub": "prod/api" }),
        json!({ "sub": "prod:api" }),
        json!({}),
    ] {
        let found = decide(&policy, token(&claims));
        assert_eq!(found, Verdict::Abstain, "{claims}");
    }
}

#[test]
fn only_tokens_of_the_rules_issuers_prove_a_service_account() {
    let policy = policy(SETTINGS);
    let login = |issuer: &str, namespace: &str| {
        decide(&policy, token(&claims(namespace, "api")).issuer(issuer))
    };
    assert_eq!(login(ISSUER, "prod"), api());
    assert_eq!(login(ISSUER, "dev"), Verdict::Abstain);
    let other = |namespace: &str| {
        let permit = permit("APP", &format!("{namespace}/api"));
        Verdict::from(permit.allow_publish([subject!("other.{}", namespace)]))
    };
    assert_eq!(login("https://other.example", "prod"), other("prod"));
    assert_eq!(login("https://other.example", "dev"), other("dev"));
    for issuer in ["https://evil.example", "https://other.example/", ""] {
        assert_eq!(login(issuer, "prod"), Verdict::Abstain, "{issuer}");
    }
}

#[test]
fn a_service_account_is_proved_by_tokens_only() {
    let policy = policy(SETTINGS);
    for method in ["jwt", "password", "certificate", "none"] {
        let request = token(&claims("prod", "api")).method(method.into());
        assert_eq!(decide(&policy, request), Verdict::Abstain, "{method}");
    }
    let verified = certificate()
        .certificate_subject("CN=x")
        .claims(&claims("prod", "api").to_string());
    assert_eq!(decide(&policy, verified), Verdict::Abstain);
}

#[test]
fn the_example_decides_as_it_says() {
    let policy = policy(include_str!("../../examples/kubernetes.toml"));
    let day = std::time::Duration::from_hours(24);
    let admin = permit("APP", "nats admin")
        .allow_publish([">"])
        .allow_subscribe([">"])
        .allow_sources(["10.0.0.0/8"])
        .limit_lifetime(day);
    assert_eq!(
        decide(&policy, token(&claims("nats", "admin"))),
        admin.into()
    );
    let pod = permit("APP", "shop/api")
        .allow_publish(["ns.shop.>"])
        .deny_publish(["ns.shop.admin.>"])
        .allow_subscribe(["ns.shop.>", "_INBOX.shop.api.>"])
        .allow_responses(Responses {
            max: 1,
            ttl: std::time::Duration::from_secs(30),
        })
        .limit_lifetime(day);
    assert_eq!(decide(&policy, token(&claims("shop", "api"))), pod.into());
    let spiffe = "spiffe://mesh.example/ns/shop/sa/web";
    let mesh = permit("mesh-shop", spiffe)
        .allow_publish(["web.>"])
        .allow_subscribe(["web.>", "_INBOX.web.>"])
        .limit_lifetime(day);
    let request = certificate().certificate_spiffe_id(spiffe);
    assert_eq!(decide(&policy, request), mesh.into());
    let nobody = Verdict::deny("no rule for this workload");
    let request = certificate().certificate_spiffe_id("spiffe://other.example/ns/a/sa/b");
    assert_eq!(decide(&policy, request), nobody);
    let user = token(&json!({ "sub": "alice" }));
    assert_eq!(decide(&policy, user), nobody);
}
