//! Tests of the verdicts that rules give.

use std::time::Duration;

use portcullis_sdk::Responses;

use super::*;

fn login(settings: &str, spiffe: &str) -> Verdict {
    let request = certificate().certificate_spiffe_id(spiffe);
    decide(&policy(settings), request)
}

#[test]
fn the_first_rule_decides_alone() {
    let rules = r#"
        [settings]
        account = "APP"
        [[settings.rules]]
        spiffe = "spiffe://prod.example/ns/shop/sa/api"
        publish = { allow = ["first"] }
        [[settings.rules]]
        spiffe = "spiffe://prod.example/**"
        publish = { allow = ["second"] }
        subscribe = { allow = ["second"] }
    "#;
    let expected = permit("APP", API).allow_publish(["first"]);
    assert_eq!(login(rules, API), expected.into());
    let other = "spiffe://prod.example/x";
    let expected = permit("APP", other)
        .allow_publish(["second"])
        .allow_subscribe(["second"]);
    assert_eq!(login(rules, other), expected.into());
}

#[test]
fn a_workload_without_a_rule_is_what_the_settings_say() {
    for (line, expected) in [
        ("", Verdict::Abstain),
        (r#"without-rule = "abstain""#, Verdict::Abstain),
        (
            r#"without-rule = "deny""#,
            Verdict::deny("no rule for this workload"),
        ),
    ] {
        let settings = format!("[settings]\naccount = \"APP\"\nissuers = [\"{ISSUER}\"]\n{line}");
        assert_eq!(login(&settings, API), expected);
        let user = token(&serde_json::json!({ "sub": "alice" }));
        assert_eq!(decide(&policy(&settings), user), expected);
        // The policy abstains from a login without a proof of this kind.
        let others = [
            Request::builder(),
            Request::builder().username("a").password("b"),
            Request::builder()
                .method(Method::Certificate)
                .certificate_fingerprint("ab"),
            Request::builder().oidc("https://other.example", "{}"),
        ];
        for request in others {
            assert_eq!(decide(&policy(&settings), request), Verdict::Abstain);
        }
    }
}

#[test]
fn captures_fill_subjects_accounts_and_names() {
    let settings = r#"
        [settings]
        account = "APP"
        [[settings.rules]]
        spiffe = "spiffe://prod.example/ns/*/sa/*"
        account = "{{1}}-apps"
        user-name = "pod of {{2}}"
        publish = { allow = ["{{account}}.{{2}}.{{1}}", "n.{{user-name}}", "p.{{principal}}"], deny = ["{{2}}.x"] }
    "#;
    let expected = permit("shop-apps", "pod of api")
        .allow_publish([
            "shop-apps.api.shop",
            "n.pod%20of%20api",
            "p.spiffe://prod%2Eexample/ns/shop/sa/api",
        ])
        .deny_publish(["api.x"]);
    let request = certificate().certificate_spiffe_id(API).principal(API);
    assert_eq!(decide(&policy(settings), request), expected.into());
}

#[test]
fn the_value_of_a_wildcard_never_widens_a_subject() {
    let settings = r#"
        [settings]
        account = "APP"
        [[settings.rules]]
        spiffe = "spiffe://prod.example/**"
        publish = { allow = ["{{1}}.a"] }
    "#;
    for (path, subject) in [
        (">", "%3E.a"),
        ("a.b", "a%2Eb.a"),
        ("$SYS", "%24SYS.a"),
        ("a/b", "a/b.a"),
    ] {
        let id = format!("spiffe://prod.example/{path}");
        let expected = permit("APP", &id).allow_publish([subject]);
        assert_eq!(login(settings, &id), expected.into());
    }
    assert_eq!(login(settings, "spiffe://prod.example/*"), Verdict::Abstain);
}

#[test]
fn what_does_not_fit_is_refused() {
    let settings = |line: &str| {
        format!(
            "[settings]\naccount = \"APP\"\n[[settings.rules]]\nspiffe = \"spiffe://prod.example/*\"\n{line}"
        )
    };
    let long = format!("spiffe://prod.example/{}", "a".repeat(250));
    for (line, id, reason) in [
        (
            r#"account = "{{1}}""#,
            "spiffe://prod.example/$SYS",
            "`rules[0]`, account: `1` of the login does not fit into an account name: \
             expected at most 256 bytes of ASCII letters, digits and `-_@+=:/.`",
        ),
        (
            "",
            &long,
            "`rules[0]`, user-name: `name` of the login does not fit into a user name: \
             expected at most 256 bytes without control characters",
        ),
        (
            r#"publish = { allow = [">"], deny = ["{{claim.team}}"] }"#,
            "spiffe://prod.example/a",
            "`rules[0]`, publish.deny: the login has no `claim.team`",
        ),
    ] {
        assert_eq!(login(&settings(line), id), Verdict::deny(reason));
    }
}

#[test]
fn everything_else_of_a_rule_is_in_the_permit() {
    let settings = r#"
        [settings]
        account = "APP"
        expires-in = "1d"
        [[settings.rules]]
        spiffe = "spiffe://prod.example/ns/shop/sa/api"
        expires-in = "1h"
        subscribe = { allow = ["a q"], deny = ["b"] }
        responses = { max = 2, ttl = "1s" }
        role = "reader"
        sources = ["10.0.0.0/8"]
        connection-types = ["STANDARD"]
        times = [{ start = "08:00:00", end = "18:00:00" }]
        times-location = "UTC"
        proxy-required = true
        [[settings.rules]]
        spiffe = "spiffe://prod.example/**"
    "#;
    // With a role, the name is escaped into one token.
    let expected = permit("APP", "spiffe://prod%2Eexample/ns/shop/sa/api")
        .allow_subscribe(["a q"])
        .deny_subscribe(["b"])
        .allow_responses(Responses {
            max: 2,
            ttl: Duration::from_secs(1),
        })
        .with_role("reader")
        .allow_sources(["10.0.0.0/8"])
        .allow_connection_types(["STANDARD"])
        .allow_times([("08:00:00", "18:00:00")])
        .with_times_location("UTC")
        .require_proxy()
        .limit_lifetime(Duration::from_hours(1));
    assert_eq!(login(settings, API), expected.into());
    let other = "spiffe://prod.example/x";
    let expected = permit("APP", other).limit_lifetime(Duration::from_hours(24));
    assert_eq!(login(settings, other), expected.into());
}

#[test]
fn a_login_is_asked_for_the_kinds_of_names_in_rules_and_once() {
    let settings = r#"
        [settings]
        account = "APP"
        issuers = ["i"]
        [[settings.rules]]
        dns = "a"
        [[settings.rules]]
        service-account = "a/b"
        [[settings.rules]]
        dns = "b"
        [[settings.rules]]
        email = "a@b"
    "#;
    let request = certificate().certificate_dns_names(["c"]).build();
    assert_eq!(policy(settings).decide(&request), Verdict::Abstain);
    assert_eq!(
        request.questions(),
        [
            "identity.method",
            "certificate.verified",
            "certificate.dns-names",
            "certificate.email-names"
        ]
    );
}
