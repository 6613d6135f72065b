//! What goes beyond planmdk's callout.

use std::time::Duration;

use portcullis_sdk::Permit;

use super::*;

const ACCOUNTS: &str = r#"
    [settings]
    account = "APP"
    without-role = "WITHOUT"
    [settings.roles.anywhere]
    publish = { allow = ["any"] }
    [settings.roles.billing]
    account = "BILLING"
    publish = { allow = ["invoices.>"] }
    responses = { max = 2, ttl = "1s" }
    [settings.roles.admin]
    account = "ADMIN"
    publish = { allow = [">"] }
    responses = { max = 9 }
"#;

fn accounts(without_role: &str) -> OidcRoles {
    policy(&ACCOUNTS.replace("WITHOUT", without_role))
}

fn permit(account: &str, publish: &[&str]) -> Permit {
    Permit::new(account)
        .user_name("alice@example.com")
        .publish_allow_all(publish.iter().copied())
}

#[test]
fn the_first_role_with_an_account_decides_and_those_of_others_grant_nothing() {
    let policy = accounts("deny");
    let billing =
        |publish: &[&str]| permit("BILLING", publish).responses_allow(2, Duration::from_secs(1));
    let cases: [(&[&str], Permit); 4] = [
        (&["anywhere"], permit("APP", &["any"])),
        (&["anywhere", "billing"], billing(&["any", "invoices.>"])),
        (&["billing", "admin"], billing(&["invoices.>"])),
        (
            &["admin", "billing"],
            permit("ADMIN", &[">"]).responses_allow(9, Duration::ZERO),
        ),
    ];
    for (roles, permit) in cases {
        assert_eq!(
            decide(&policy, with_roles(roles)),
            permit.into(),
            "{roles:?}"
        );
    }
}

#[test]
fn without_a_known_role_the_settings_say_what_becomes_of_a_login() {
    let stranger = || with_roles(&["stranger"]);
    assert_eq!(
        decide(&accounts("deny"), stranger()),
        Verdict::deny("no mapped role in the token")
    );
    assert_eq!(decide(&accounts("abstain"), stranger()), Verdict::Abstain);
    assert_eq!(
        decide(&accounts("permit-nothing"), stranger()),
        permit("APP", &[]).into()
    );
}

#[test]
fn roles_are_where_the_settings_say() {
    let policy = policy(
        r#"
        [settings]
        role-claims = ["realm_access.roles", "https://example.com/roles"]
        space-separated-role-claims = ["scope"]
        without-role = "deny"
        [settings.roles.a]
        account = "APP"
        publish = { allow = ["a"] }
        [settings.roles.b]
        account = "APP"
        publish = { allow = ["b"] }
        [settings.roles.c]
        account = "APP"
        publish = { allow = ["c"] }
        "#,
    );
    let claims = json!({
        "email": "alice@example.com",
        "roles": ["a"],
        "scope": "openid a  b",
        "https://example.com/roles": "c",
        "realm_access": { "roles": ["b"] },
    });
    assert_eq!(
        decide(&policy, login(&claims)),
        permit("APP", &["b", "c", "a", "b"]).into()
    );
}

#[test]
fn only_verified_tokens_of_the_issuers_are_decided() {
    let settings = ACCOUNTS.replace("WITHOUT", "deny").replace(
        "[settings]",
        "[settings]\nissuers = [\"https://other.example\"]",
    );
    let policy = policy(&settings);
    assert_eq!(decide(&policy, with_roles(&["admin"])), Verdict::Abstain);
    let other = Request::builder().oidc("https://other.example", r#"{ "roles": ["admin"] }"#);
    assert!(matches!(decide(&policy, other), Verdict::Permit(_)));
    let policy = accounts("deny");
    for method in ["password", "jwt", "token", "none", "passkey"] {
        let request = with_roles(&["admin"]).method(method);
        assert_eq!(decide(&policy, request), Verdict::Abstain, "{method}");
    }
}

#[test]
fn bounds_are_the_same_for_every_role() {
    let settings = ACCOUNTS.replace("WITHOUT", "deny").replace(
        "[settings]",
        "[settings]\nsources = [\"10.0.0.0/8\"]\nconnection-types = [\"STANDARD\"]\nexpires-in = \"8h\"",
    );
    let expected = permit("APP", &["any"])
        .source_allow("10.0.0.0/8")
        .connection_type_allow("STANDARD")
        .expires_in(Duration::from_hours(8));
    let verdict = decide(&policy(&settings), with_roles(&["anywhere"]));
    assert_eq!(verdict, expected.into());
}

const TEMPLATES: &str = r#"
    [settings]
    account = "APP"
    [settings.roles.own]
    publish = { allow = ["users.{{claim.sub}}.>"] }
    subscribe = { allow = ["teams.{{claim.teams}}.>"], deny = ["teams.sealed"] }
    [settings.roles.kept-out]
    subscribe = { allow = [">"], deny = ["secret.{{claim.team}}"] }
"#;

#[test]
fn claims_stand_in_subjects_as_one_token() {
    let claims = json!({ "sub": "*.>", "teams": ["a", "b.c"], "roles": ["own"] });
    let expected = Permit::new("APP")
        .user_name("*.>")
        .publish_allow("users.%2A%2E%3E.>")
        .subscribe_allow_all(["teams.a.>", "teams.b%2Ec.>"])
        .subscribe_deny("teams.sealed");
    assert_eq!(decide(&policy(TEMPLATES), login(&claims)), expected.into());
}

#[test]
fn a_missing_claim_never_allows_more() {
    let policy = policy(TEMPLATES);
    // The allowed subjects are dropped, and what is left is not read as "everything but".
    let expected = Permit::new("APP").subscribe_deny("teams.sealed");
    let claims = json!({ "roles": ["own"] });
    assert_eq!(decide(&policy, login(&claims)), expected.into());
    let claims = json!({ "roles": ["kept-out"] });
    assert_eq!(
        decide(&policy, login(&claims)),
        Verdict::deny("a denied subject needs `claim.team`, which the login does not have")
    );
}
