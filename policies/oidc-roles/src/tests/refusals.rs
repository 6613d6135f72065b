//! What is said about bad settings.

use super::*;

/// Good settings; cases break one thing.
const GOOD: &str = r#"
    [settings]
    account = "APP"
    [settings.roles.reader]
    publish = { allow = ["a"] }
"#;

#[test]
fn the_good_settings_are_good() {
    assert!(configure(GOOD).is_ok());
}

#[test]
fn every_mistake_is_named_with_its_key() {
    for (line, replacement, expected) in [
        (
            "account = \"APP\"",
            "acount = \"APP\"",
            "acount: unknown field `acount`, expected one of ",
        ),
        (
            "account = \"APP\"",
            "",
            "account: missing: the role `reader` names no account of its own",
        ),
        (
            "account = \"APP\"",
            "account = \"A P\"",
            "account: invalid account name `A P`: ",
        ),
        (
            "account = \"APP\"",
            "account = \"APP\"\nwithout-role = \"let-in\"",
            "without-role: expected one of `permit-nothing`, `deny`, `abstain`",
        ),
        (
            "account = \"APP\"",
            "account = \"APP\"\nrole-claims = []",
            "role-claims: nowhere to look for roles: ",
        ),
        (
            "account = \"APP\"",
            "account = \"APP\"\nexpires-in = \"10ms\"",
            "expires-in: shorter than a second",
        ),
        (
            "account = \"APP\"",
            "account = \"APP\"\nsources = [\"here\"]",
            "sources: invalid network `here`: ",
        ),
        (
            "publish = { allow = [\"a\"] }",
            "publish = { allow = [\"a..b\"] }",
            "roles.reader.publish.allow: invalid subject `a..b`: ",
        ),
        (
            "publish = { allow = [\"a\"] }",
            "subscribe = { deny = [\"a.{{sub}}\"] }",
            "roles.reader.subscribe.deny: unknown place `{{sub}}`: ",
        ),
        (
            "publish = { allow = [\"a\"] }",
            "publish = { allow = [\"a.{{claim.sub}}.\"] }",
            "roles.reader.publish.allow: invalid subject `a.x.`: ",
        ),
        (
            "publish = { allow = [\"a\"] }",
            "account = \"\"",
            "roles.reader.account: the permit names no account",
        ),
        (
            "publish = { allow = [\"a\"] }",
            "sources = []",
            "roles.reader.sources: unknown field `sources`, ",
        ),
    ] {
        assert!(GOOD.contains(line), "{line}");
        let found = configure(&GOOD.replace(line, replacement))
            .unwrap_err()
            .to_string();
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn an_account_for_everybody_can_be_left_out_where_nobody_needs_it() {
    let homed = GOOD
        .replace("account = \"APP\"", "")
        .replace("publish", "account = \"APP\"\npublish");
    let error = configure(&homed).unwrap_err().to_string();
    assert!(error.contains("without-role = \"deny\""), "{error}");
    let closed = homed.replace("[settings]", "[settings]\nwithout-role = \"deny\"");
    assert!(configure(&closed).is_ok());
}

#[test]
fn everything_is_reported_at_once() {
    let bad = GOOD
        .replace("APP", "A P")
        .replace("\"a\"", "\"a..b\", \"{{\"");
    let error = configure(&bad).unwrap_err().to_string();
    for part in ["account: ", "`a..b`", "`{{`"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}
