//! What becomes of a login.

use std::time::Duration;

use portcullis_sdk::Permit;
use serde_json::json;

use super::*;

const SCOPES: &str = r#"
    [settings]
    account-claim = "https://api.example.com/account-name"
    without-scope = "WITHOUT"
    [settings.scopes."request:send"]
    publish = { allow = ["request.>"] }
    subscribe = { allow = ["return.>"], deny = ["return.sealed"] }
    [settings.scopes."request:receive"]
    subscribe = { allow = ["request.>"] }
    responses = { max = 1 }
    [settings.scopes."source:*"]
    publish = { allow = ["source.{{rest}}.>"] }
    [settings.scopes."source:read"]
    publish = { allow = ["read"] }
    [settings.scopes.muted]
    publish = { deny = ["a"] }
"#;

fn scopes(without_scope: &str) -> Scopes {
    policy(&SCOPES.replace("WITHOUT", without_scope))
}

fn with_scopes(scopes: &str) -> RequestBuilder {
    login(
        &json!({ "sub": "alice", "scope": scopes, "https://api.example.com/account-name": "acme" }),
    )
}

fn acme() -> Permit {
    Permit::new("acme").user_name("alice")
}

#[test]
fn scopes_are_added_up_in_the_order_of_the_token() {
    let policy = scopes("deny");
    let send = |permit: Permit| {
        permit
            .publish_allow("request.>")
            .subscribe_allow("return.>")
            .subscribe_deny("return.sealed")
    };
    let receive = |permit: Permit| {
        permit
            .subscribe_allow("request.>")
            .responses_allow(1, Duration::ZERO)
    };
    for (scopes, permit) in [
        ("request:send", send(acme())),
        ("openid request:receive", receive(acme())),
        ("request:send  request:receive", receive(send(acme()))),
        ("request:receive request:send", send(receive(acme()))),
        ("muted", acme().publish_deny("a")),
    ] {
        assert_eq!(
            decide(&policy, with_scopes(scopes)),
            permit.into(),
            "{scopes}"
        );
    }
}

#[test]
fn a_beginning_is_for_every_scope_that_begins_so() {
    let policy = scopes("deny");
    for (scopes, publish) in [
        ("source:aws", vec!["source.aws.>"]),
        (
            "source:a.> source:b",
            vec!["source.a%2E%3E.>", "source.b.>"],
        ),
        ("source:read", vec!["source.read.>", "read"]),
        // Nothing is left for the place.
        ("source:", vec![]),
    ] {
        let permit = acme().publish_allow_all(publish);
        assert_eq!(
            decide(&policy, with_scopes(scopes)),
            permit.into(),
            "{scopes}"
        );
    }
    for unknown in ["source", "request:sender", "xrequest:send", "REQUEST:SEND"] {
        let verdict = decide(&policy, with_scopes(unknown));
        assert_eq!(
            verdict,
            Verdict::deny("no mapped scope in the token"),
            "{unknown}"
        );
    }
}

#[test]
fn scopes_may_be_an_array() {
    let claims = json!({
        "sub": "alice",
        "scp": ["source:a", "source:b"],
        "https://api.example.com/account-name": "acme",
    });
    let permit = acme().publish_allow_all(["source.a.>", "source.b.>"]);
    assert_eq!(decide(&scopes("deny"), login(&claims)), permit.into());
}

#[test]
fn without_a_known_scope_the_settings_say_what_becomes_of_a_login() {
    for (setting, verdict) in [
        ("deny", Verdict::deny("no mapped scope in the token")),
        ("abstain", Verdict::Abstain),
        ("permit-nothing", acme().into()),
    ] {
        assert_eq!(
            decide(&scopes(setting), with_scopes("openid")),
            verdict,
            "{setting}"
        );
    }
}

#[test]
fn the_token_names_one_account_or_there_is_a_default() {
    let claim = "https://api.example.com/account-name";
    let decide_account = |policy: &Scopes, account: Value| {
        let mut claims = json!({ "sub": "alice", "scope": "muted" });
        if !account.is_null() {
            claims[claim] = account;
        }
        match decide(policy, login(&claims)) {
            Verdict::Permit(permit) => Ok(permit.account().to_owned()),
            Verdict::Deny(reason) => Err(reason),
            Verdict::Abstain => Err("abstained".to_owned()),
        }
    };
    let strict = scopes("deny");
    let error = |reason: &str| Err(reason.to_owned());
    assert_eq!(
        decide_account(&strict, json!("acme")),
        Ok("acme".to_owned())
    );
    assert_eq!(
        decide_account(&strict, Value::Null),
        error("the token names no account")
    );
    assert_eq!(
        decide_account(&strict, json!("")),
        error("the account in the token is empty")
    );
    let several = json!(["acme", "other"]);
    assert_eq!(
        decide_account(&strict, several.clone()),
        error("the token names several accounts")
    );
    let settings = SCOPES
        .replace("WITHOUT", "deny")
        .replace("[settings]", "[settings]\ndefault-account = \"COMMON\"");
    let lenient = policy(&settings);
    assert_eq!(
        decide_account(&lenient, Value::Null),
        Ok("COMMON".to_owned())
    );
    assert_eq!(
        decide_account(&lenient, json!("acme")),
        Ok("acme".to_owned())
    );
    assert!(decide_account(&lenient, json!("")).is_err());
    assert!(decide_account(&lenient, several).is_err());
}

#[test]
fn only_verified_tokens_of_the_issuers_are_decided() {
    let settings = SCOPES.replace("WITHOUT", "deny").replace(
        "[settings]",
        "[settings]\nissuers = [\"https://other.example\"]\nexpires-in = \"1h\"",
    );
    let policy = policy(&settings);
    assert_eq!(decide(&policy, with_scopes("muted")), Verdict::Abstain);
    let other = with_scopes("muted").issuer("https://other.example");
    let permit = acme().publish_deny("a").expires_in(Duration::from_hours(1));
    assert_eq!(decide(&policy, other.clone()), permit.into());
    for method in ["password", "jwt", "token", "none"] {
        let verdict = decide(&policy, other.clone().method(method));
        assert_eq!(verdict, Verdict::Abstain, "{method}");
    }
}
