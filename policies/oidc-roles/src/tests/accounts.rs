//! Tests of the account of a login, and of the roles that count in it.

use super::*;

const SETTINGS: &str = r#"
    [settings]
    account = "APP"
    [settings.roles.common]
    publish = { allow = ["common"] }
    [settings.roles.one]
    account = "ONE"
    publish = { allow = ["one"], deny = ["x"] }
    sources = ["10.0.0.0/8"]
    [settings.roles.one-too]
    account = "ONE"
    publish = { allow = ["one-too"] }
    [settings.roles.two]
    account = "TWO"
    publish = { allow = ["two"] }
    sources = ["11.0.0.0/8"]
    [settings.roles.app]
    account = "APP"
    publish = { allow = ["app"] }
"#;

fn permit(account: &str, subjects: &[&'static str]) -> Permit {
    Permit::new(account)
        .with_user_name("alice")
        .allow_publish(subjects.iter().copied())
}

#[test]
fn the_first_role_that_names_an_account_decides_it() {
    let one = |subjects: &[&'static str]| {
        permit("ONE", subjects)
            .deny_publish(["x"])
            .allow_sources(["10.0.0.0/8"])
    };
    let two = |subjects: &[&'static str]| permit("TWO", subjects).allow_sources(["11.0.0.0/8"]);
    for (names, expected) in [
        (&["common"][..], permit("APP", &["common"])),
        (&["one"], one(&["one"])),
        (&["unknown", "two", "one"], two(&["two"])),
        (&["one", "two"], one(&["one"])),
        (&["common", "one", "two"], one(&["common", "one"])),
        (&["two", "common", "one-too"], two(&["two", "common"])),
        (&["one", "app", "two", "one-too"], one(&["one", "one-too"])),
        (&["app", "one"], permit("APP", &["app"])),
    ] {
        let found = decide(&policy(SETTINGS), roles(names));
        assert_eq!(found, expected.into(), "{names:?}");
    }
}

#[test]
fn an_account_can_come_from_a_claim() {
    let policy = policy(
        r#"
        [settings]
        account = "{{claim.tenant}}"
        [settings.roles.r]
        publish = { allow = ["{{account}}"] }
        [settings.roles.admin]
        account = "{{claim.tenant}}-admin"
        publish = { allow = ["admin"] }
        [settings.roles.acme]
        account = "acme"
        publish = { allow = ["acme"] }
        "#,
    );
    let login = |role: &[&str], tenant: &serde_json::Value| {
        let claims = serde_json::json!({ "sub": "alice", "roles": role, "tenant": tenant });
        decide(&policy, token(&claims.to_string()))
    };
    let acme = "acme".into();
    assert_eq!(login(&["r"], &acme), permit("acme", &["acme"]).into());
    assert_eq!(
        login(&["admin", "acme"], &acme),
        permit("acme-admin", &["admin"]).into()
    );
    assert_eq!(
        login(&["acme", "admin"], &"other".into()),
        permit("acme", &["acme"]).into()
    );
    for (tenant, reason) in [
        (serde_json::Value::Null, "the login has no `claim.tenant`"),
        ("".into(), "the login has no `claim.tenant`"),
        (
            serde_json::json!(["a", "b"]),
            "the login has several `claim.tenant`, and a name takes one",
        ),
        (
            "$SYS".into(),
            "`claim.tenant` of the login does not fit into an account name: \
             expected at most 256 bytes of ASCII letters, digits and `-_@+=:/.`",
        ),
    ] {
        let expected = Verdict::deny(format!("account: {reason}"));
        assert_eq!(login(&["r"], &tenant), expected);
        let expected = Verdict::deny(format!("`admin`, account: {reason}"));
        assert_eq!(login(&["r", "admin"], &tenant), expected);
    }
}

#[test]
fn without_an_account_for_all_every_role_has_its_own() {
    let policy = policy(
        r#"
        [settings]
        without-role = "deny"
        [settings.roles.one]
        account = "ONE"
        "#,
    );
    assert_eq!(decide(&policy, roles(&["one"])), permit("ONE", &[]).into());
    assert_eq!(
        decide(&policy, roles(&[])),
        Verdict::deny("no mapped role: `roles` is empty")
    );
}
