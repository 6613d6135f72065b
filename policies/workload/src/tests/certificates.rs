//! Tests of logins by certificate.

use portcullis_sdk::Subject;

use super::*;

const FINGERPRINT: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

fn with_rule(rule: &str) -> Workload {
    policy(&format!(
        "[settings]\naccount = \"APP\"\n[[settings.rules]]\n{rule}\npublish = {{ allow = [\"a.{{{{name}}}}\"] }}"
    ))
}

/// Builds a login with one name of every kind.
fn every_name() -> RequestBuilder {
    certificate()
        .certificate_spiffe_id(API)
        .certificate_dns_names(["api.example.com"])
        .certificate_email_names(["api@example.com"])
        .certificate_subject("CN=api,O=Acme")
        .certificate_fingerprint(FINGERPRINT)
}

#[test]
fn every_name_of_a_verified_certificate_can_be_what_a_rule_is_about() {
    let fingerprint = format!("fingerprint = \"{FINGERPRINT}\"");
    for (rule, name, subject) in [
        (
            r#"spiffe = "spiffe://prod.example/ns/*/sa/api""#,
            API,
            "a.spiffe://prod%2Eexample/ns/shop/sa/api",
        ),
        (
            r#"uri = "spiffe://prod.example/**""#,
            API,
            "a.spiffe://prod%2Eexample/ns/shop/sa/api",
        ),
        (
            r#"dns = "*.example.com""#,
            "api.example.com",
            "a.api%2Eexample%2Ecom",
        ),
        (
            r#"email = "*@example.com""#,
            "api@example.com",
            "a.api@example%2Ecom",
        ),
        (
            r#"subject = "CN=*,O=Acme""#,
            "CN=api,O=Acme",
            "a.CN=api%2CO=Acme",
        ),
        (&fingerprint, FINGERPRINT, &format!("a.{FINGERPRINT}")),
    ] {
        let expected = permit("APP", name).allow_publish([Subject::parse(subject).unwrap()]);
        assert_eq!(decide(&with_rule(rule), every_name()), expected.into());
        let others = certificate().certificate_subject("CN=other");
        assert_eq!(decide(&with_rule(rule), others), Verdict::Abstain, "{rule}");
    }
}

#[test]
fn an_unverified_certificate_has_no_owner() {
    let policy = with_rule(&format!("fingerprint = \"{FINGERPRINT}\""));
    let unverified = certificate().certificate_fingerprint(FINGERPRINT);
    assert_eq!(decide(&policy, unverified), Verdict::Abstain);
    let no_certificate = certificate();
    assert_eq!(decide(&policy, no_certificate), Verdict::Abstain);
}

#[test]
fn a_certificate_and_the_settings_both_count() {
    let methods = ["jwt", "nkey", "password", "token"];
    for beside in methods {
        let settings = format!(
            "[settings]\naccount = \"APP\"\nbeside = [\"{beside}\"]\n[[settings.rules]]\ndns = \"api.example.com\""
        );
        let policy = policy(&settings);
        let permitted: Verdict = permit("APP", "api.example.com").into();
        assert_eq!(decide(&policy, every_name()), permitted);
        for method in methods {
            let found = decide(&policy, every_name().method(method.into()));
            let expected = if method == beside {
                permitted.clone()
            } else {
                Verdict::Abstain
            };
            assert_eq!(found, expected, "{method} beside {beside}");
        }
        let unverified = Request::builder().method(beside.into());
        assert_eq!(decide(&policy, unverified), Verdict::Abstain);
    }
}

#[test]
fn other_methods_are_left_to_other_policies() {
    let policy = with_rule(r#"dns = "api.example.com""#);
    for method in ["password", "token", "nkey", "jwt", "none", "new"] {
        let request = every_name().method(method.into());
        assert_eq!(decide(&policy, request), Verdict::Abstain, "{method}");
    }
    let token = every_name().oidc(ISSUER, r#"{ "sub": "s" }"#);
    assert_eq!(decide(&policy, token), Verdict::Abstain);
}

#[test]
fn of_several_names_the_first_that_matches_counts() {
    let policy = with_rule(r#"dns = "*.example.com""#);
    let request = certificate().certificate_dns_names([
        "other.example.net",
        "b.example.com",
        "a.example.com",
    ]);
    let expected = permit("APP", "b.example.com").allow_publish(["a.b%2Eexample%2Ecom"]);
    assert_eq!(decide(&policy, request), expected.into());
}

#[test]
fn a_name_of_one_kind_is_none_of_another() {
    let policy = with_rule(r#"spiffe = "spiffe://prod.example/**""#);
    let request = certificate()
        .certificate_dns_names([API])
        .certificate_email_names([API])
        .certificate_subject(API);
    assert_eq!(decide(&policy, request), Verdict::Abstain);
}
