//! The identity that a policy hears of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{
    AuthorizationRequest, Certificate, Claims, Identity, Method, Strength, Verdict,
};
use portcullis_test_policies::{USER, load, request};

#[test]
fn a_policy_hears_every_fact_of_a_proved_identity() {
    let text = |text: &str| Some(text.to_owned());
    let names = |name: &str| vec![name.to_owned()];
    let claims = r#"{"roles":["reader",7],"teams":{"red":{},"blue":1}}"#;
    let certificate = Certificate {
        verified: true,
        subject: "CN=alice".to_owned(),
        issuer: "CN=ca".to_owned(),
        serial: "1f".to_owned(),
        fingerprint: "ab".repeat(32),
        dns_names: names("a.example"),
        uri_names: names("spiffe://example.org/a"),
        email_names: names("a@example.org"),
        ip_names: names("10.0.0.7"),
        spiffe_id: text("spiffe://example.org/a"),
        not_before: 1_700_000_000,
        not_after: 1_900_000_000,
    };
    let identity = Identity {
        principal: text("7"),
        method: Method::Oidc,
        strength: Strength::Proved,
        issuer: text("https://id.example"),
        expires_at: Some(1_850_000_000),
        claims: Claims::from_json(claims).unwrap(),
        groups: names("ops"),
        tags: names("team:a"),
        role: text("writer"),
        nkey: Some(USER.parse().unwrap()),
        certificate: Some(certificate),
    };
    let asked = Arc::new(AuthorizationRequest {
        identity,
        ..AuthorizationRequest::clone(&request())
    });
    let policy = load("tells_identity").unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    let Ok(Verdict::Deny(facts)) = policy.evaluate(asked, deadline).run() else {
        panic!("not a deny")
    };
    let (nkey, fingerprint) = (format!("nkey=Some({USER:?})"), "ab".repeat(32));
    let fingerprint = format!("certificate.fingerprint=Some({fingerprint:?})");
    let expected = [
        r#"principal=Some("7")"#,
        "method=Oidc",
        "strength=Proved",
        r#"; issuer=Some("https://id.example")"#,
        "expires_at=Some(1850000000)",
        r#"claim_names=["roles", "teams"]"#,
        r#"claim_values=["reader", "7"]"#,
        r#"claim_json=Some("[\"reader\",7]")"#,
        r#"claim_members=["blue", "red"]"#,
        r#"groups=["ops"]"#,
        r#"; tags=["team:a"]"#,
        r#"role=Some("writer")"#,
        &nkey,
        "certificate.verified=true",
        &fingerprint,
        r#"certificate.subject=Some("CN=alice")"#,
        r#"certificate.issuer=Some("CN=ca")"#,
        r#"certificate.serial=Some("1f")"#,
        r#"certificate.dns_names=["a.example"]"#,
        r#"certificate.uri_names=["spiffe://example.org/a"]"#,
        r#"certificate.email_names=["a@example.org"]"#,
        r#"certificate.ip_names=["10.0.0.7"]"#,
        r#"certificate.spiffe_id=Some("spiffe://example.org/a")"#,
        "certificate.not_before=Some(1700000000)",
        "certificate.not_after=Some(1900000000)",
    ];
    for fact in expected {
        assert!(facts.contains(fact), "`{fact}` is not in `{facts}`");
    }
}
