//! Tests of the verdicts on logins.

use std::time::Duration;

use portcullis_sdk::subject;
use serde_json::{Value, json};

use super::*;

const SETTINGS: &str = r#"
    [settings]
    account-claim = "account"
    OTHER
    [settings.scopes."a:read"]
    publish = { allow = ["read"] }
    [settings.scopes."a:*"]
    publish = { allow = ["any-a"], deny = ["x"] }
    [settings.scopes.b]
    publish = { allow = ["b"] }
    [settings.scopes.denies]
    subscribe = { deny = ["y"] }
    [settings.scopes.needs]
    subscribe = { deny = ["{{claim.team}}"] }
    [settings.scopes.office]
    sources = ["10.0.0.0/8"]
    [settings.scopes.home]
    sources = ["192.0.2.0/24"]
"#;

fn with(line: &str) -> Scopes {
    policy(&SETTINGS.replace("OTHER", line))
}

fn scopes(scope: impl Into<Value>) -> RequestBuilder {
    token(&json!({ "sub": "alice", "account": "APP", "scope": scope.into() }))
}

fn permit(subjects: &[&'static str]) -> Permit {
    Permit::new("APP")
        .with_user_name("alice")
        .allow_publish(subjects.iter().copied())
}

#[test]
fn other_methods_are_left_to_other_policies() {
    for method in ["password", "token", "nkey", "jwt", "certificate", "none"] {
        let request = scopes("b").method(method.into());
        assert_eq!(decide(&with(""), request), Verdict::Abstain, "{method}");
    }
    assert_eq!(decide(&with(""), scopes("b")), permit(&["b"]).into());
}

#[test]
fn tokens_of_other_issuers_are_left_to_other_policies() {
    let policy = with(&format!("issuers = [\"{ISSUER}\"]"));
    assert_eq!(decide(&policy, scopes("b")), permit(&["b"]).into());
    let other = scopes("b").issuer("https://id.example");
    assert_eq!(decide(&policy, other), Verdict::Abstain);
}

#[test]
fn a_token_without_a_known_scope_is_what_the_settings_say() {
    for (line, expected) in [
        (r#"without-scope = "permit-nothing""#, permit(&[]).into()),
        (r#"without-scope = "abstain""#, Verdict::Abstain),
    ] {
        for scope in [json!(null), json!(""), json!("B bb a A:x"), json!(["c"])] {
            assert_eq!(decide(&with(line), scopes(scope)), expected, "{line}");
        }
        assert_eq!(decide(&with(line), scopes("b")), permit(&["b"]).into());
    }
    let told = testing::take_log();
    let begin = "the login may do nothing: no mapped scope: ";
    assert!(told[0].message.starts_with(begin), "{told:?}");
    for (scope, expected) in [
        (json!(null), "`scope` has no text, `scp` is absent"),
        (json!({ "b": {} }), "`scope` has no text, `scp` is absent"),
        (
            json!("B"),
            "`scope` has only values that are no scope of the settings, `scp` is absent",
        ),
    ] {
        let reason = format!("no mapped scope: {expected}");
        for line in ["", r#"without-scope = "deny""#] {
            let found = decide(&with(line), scopes(scope.clone()));
            assert_eq!(found, Verdict::deny(&reason), "{scope}");
        }
    }
}

#[test]
fn a_scope_counts_by_its_name_and_by_its_beginning_once_each() {
    let any = |subjects: &[&'static str]| permit(subjects).deny_publish(["x"]);
    for (scope, expected) in [
        ("b", permit(&["b"])),
        ("a:write", any(&["any-a"])),
        ("a:", any(&["any-a"])),
        ("a:*", any(&["any-a"])),
        ("a:read", any(&["any-a", "read"])),
        ("a:read a:write a:read b", any(&["any-a", "read", "b"])),
        ("b a:write\ta:read", any(&["b", "any-a", "read"])),
        ("* b", permit(&["b"])),
    ] {
        let found = decide(&with(""), scopes(scope));
        assert_eq!(found, expected.into(), "{scope}");
    }
}

#[test]
fn scopes_are_texts_or_lists_in_any_of_the_claims() {
    for claims in [
        json!({ "scope": ["b", "a:write"] }),
        json!({ "scope": "b", "scp": ["a:write"] }),
        json!({ "scp": "b a:write" }),
        json!({ "scope": ["b a:write"] }),
    ] {
        let mut claims = claims;
        claims["sub"] = "alice".into();
        claims["account"] = "APP".into();
        let expected = permit(&["b", "any-a"]).deny_publish(["x"]);
        assert_eq!(decide(&with(""), token(&claims)), expected.into());
    }
    let other = with(r#"scope-claims = ["permissions"]"#);
    assert_eq!(
        decide(&other, scopes("b")),
        Verdict::deny("no mapped scope: `permissions` is absent")
    );
}

#[test]
fn the_account_is_the_claims_or_the_default_and_never_a_guess() {
    let missing = Verdict::deny("account: the login has no `claim.account`");
    let several =
        Verdict::deny("account: the login has several `claim.account`, and a name takes one");
    let unfit = Verdict::deny(
        "account: `claim.account` of the login does not fit into an account name: \
         expected at most 256 bytes of ASCII letters, digits and `-_@+=:/.`",
    );
    let in_account = |account: &str| {
        let permit = Permit::new(account).with_user_name("alice");
        Verdict::from(permit.allow_publish(["b"]))
    };
    let default = r#"default-account = "SHARED""#;
    for (line, account, expected) in [
        ("", json!("acme"), in_account("acme")),
        ("", json!(null), missing.clone()),
        ("", json!(""), missing.clone()),
        ("", json!({}), missing),
        ("", json!(["a", "b"]), several.clone()),
        ("", json!("$SYS"), unfit.clone()),
        ("", json!("a b"), unfit.clone()),
        (default, json!("acme"), in_account("acme")),
        (default, json!(null), in_account("SHARED")),
        (default, json!(""), in_account("SHARED")),
        (default, json!(["a", "b"]), several),
        (default, json!("$SYS"), unfit),
        (
            r#"default-account = "of-{{claim.sub}}""#,
            json!(null),
            in_account("of-alice"),
        ),
    ] {
        let claims = json!({ "sub": "alice", "account": account, "scope": "b" });
        let found = decide(&with(line), token(&claims));
        assert_eq!(found, expected, "{line} {account}");
    }
    let only_default = policy(
        &SETTINGS
            .replace("account-claim = \"account\"", default)
            .replace("OTHER", ""),
    );
    assert_eq!(decide(&only_default, scopes("b")), in_account("SHARED"));
}

#[test]
fn a_side_that_only_denies_allows_nothing() {
    let expected = permit(&[]).deny_subscribe(["y"]);
    assert_eq!(decide(&with(""), scopes("denies")), expected.into());
}

#[test]
fn what_cannot_be_held_to_is_refused() {
    for (scope, reason) in [
        (
            "b needs",
            "`needs`, subscribe.deny: the login has no `claim.team`",
        ),
        (
            "office home",
            "`home` has no network of `sources` in common with what the login has besides",
        ),
    ] {
        let found = decide(&with(""), scopes(scope));
        assert_eq!(found, Verdict::deny(reason));
    }
    let nameless = token(&json!({ "account": "APP", "scope": "b" }));
    assert_eq!(
        decide(&with(""), nameless),
        Verdict::deny("the login has no `principal`")
    );
}

#[test]
fn a_lifetime_and_a_name_are_as_the_settings_say() {
    let policy = with("expires-in = \"15m\"\nname-claims = [\"client_id\"]");
    let claims = json!({ "sub": "s", "client_id": "c", "account": "APP", "scope": "b" });
    let expected = Permit::new("APP")
        .with_user_name("c")
        .allow_publish(["b"])
        .limit_lifetime(Duration::from_mins(15));
    assert_eq!(decide(&policy, token(&claims)), expected.into());
}

#[test]
fn templates_are_filled_with_what_the_permit_and_the_token_say() {
    let policy = policy(
        r#"
        [settings]
        account-claim = "account"
        issuers = ["https://id.example/"]
        [settings.scopes.s]
        publish = { allow = ["{{account}}.{{user-name}}.{{claim.teams}}"] }
        "#,
    );
    let claims = json!({ "sub": "a.b", "account": "x.y", "scope": "s", "teams": ["red", ">"] });
    let expected = Permit::new("x.y")
        .with_user_name("a.b")
        .allow_publish(["x%2Ey.a%2Eb.red", "x%2Ey.a%2Eb.%3E"]);
    assert_eq!(decide(&policy, token(&claims)), expected.into());
}

#[test]
fn users_of_several_issuers_share_no_subjects() {
    let settings = |issuers: &str| {
        format!(
            r#"
            [settings]
            default-account = "APP"
            {issuers}
            [settings.scopes.s]
            publish = {{ allow = ["app.{{{{user-name}}}}"] }}
            "#
        )
    };
    for shared in [
        "",
        r#"issuers = ["https://a.example", "https://b.example"]"#,
    ] {
        let error = configure::<Scopes>(&settings(shared))
            .unwrap_err()
            .to_string();
        let problem = "scopes.s: `{{user-name}}` does not tell the users of several issuers apart";
        assert!(error.starts_with(problem), "{error}");
    }
    let named = settings(r#"issuers = { "https://a.example" = "a", "https://b.example" = "b" }"#);
    let policy = policy(&named);
    let claims =
        r#"{ "sub": "7", "email": "x@example.com", "email_verified": true, "scope": "s" }"#;
    for name in ["a", "b"] {
        let issuer = format!("https://{name}.example");
        let found = decide(&policy, Request::builder().oidc(issuer, claims));
        let own = Permit::new("APP")
            .with_user_name(format!("{name}/7"))
            .allow_publish([subject!("app.{}/7", name)]);
        assert_eq!(found, own.into());
    }
}
