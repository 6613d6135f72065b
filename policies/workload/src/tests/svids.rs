//! Tests of logins by JWT-SVID.

use serde_json::json;

use super::*;

const SETTINGS: &str = r#"
    [settings]
    account = "APP"
    issuers = ["spiffe://prod.example", "https://kubernetes.default.svc.cluster.local"]
    [[settings.rules]]
    spiffe = "spiffe://prod.example/ns/*/sa/api"
    publish = { allow = ["{{1}}.>"] }
    [[settings.rules]]
    spiffe = "spiffe://other.example/**"
    issuers = ["spiffe://other.example"]
    [[settings.rules]]
    service-account = "*/*"
    publish = { allow = ["of-kubernetes"] }
"#;

fn svid(issuer: &str, sub: &str) -> RequestBuilder {
    Request::builder().oidc(issuer, &json!({ "sub": sub }).to_string())
}

#[test]
fn a_jwt_svid_of_a_trust_domain_is_matched_by_its_id() {
    let policy = policy(SETTINGS);
    let api = permit("APP", API).allow_publish(["shop.>"]);
    let domain = "spiffe://prod.example";
    assert_eq!(decide(&policy, svid(domain, API)), api.into());
    for (issuer, sub) in [
        (domain, "spiffe://prod.example/ns/shop/sa/web"),
        (domain, "spiffe://other.example/api"),
        (domain, "spiffe://prod.example.evil/ns/shop/sa/api"),
        (domain, "system:serviceaccount:prod:api"),
        ("spiffe://other.example", API),
        ("spiffe://third.example", API),
        // An issuer of another kind does not vouch for SPIFFE ids.
        (ISSUER, API),
        ("https://id.example", API),
    ] {
        assert_eq!(
            decide(&policy, svid(issuer, sub)),
            Verdict::Abstain,
            "{issuer} {sub}"
        );
    }
    let other = decide(
        &policy,
        svid("spiffe://other.example", "spiffe://other.example/api"),
    );
    assert!(matches!(other, Verdict::Permit(_)), "{other:?}");
}
