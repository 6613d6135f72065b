//! What is said about bad settings.

use super::*;

/// Good settings; cases break one thing.
const GOOD: &str = r#"
    [settings]
    default-account = "APP"
    [settings.scopes."a:b"]
    publish = { allow = ["a"] }
"#;

#[test]
fn every_mistake_is_named_with_its_key() {
    assert!(configure(GOOD).is_ok());
    for (line, replacement, expected) in [
        (
            "default-account",
            "defaultaccount",
            "defaultaccount: unknown field `defaultaccount`, ",
        ),
        (
            "default-account = \"APP\"",
            "",
            "no account: set `account-claim`, `default-account` or both",
        ),
        (
            "\"APP\"",
            "\"\"",
            "default-account: the permit names no account",
        ),
        (
            "\"APP\"",
            "\"APP\"\nscope-claims = []",
            "scope-claims: nowhere to look for scopes: ",
        ),
        (
            "\"APP\"",
            "\"APP\"\nexpires-in = \"0s\"",
            "expires-in: shorter than a second",
        ),
        ("a:b", "a*b", "scopes.a*b: expected the name of a scope, "),
        ("a:b", "*", "scopes.*: expected the name of a scope, "),
        ("a:b", "a b", "scopes.a b: expected the name of a scope, "),
        (
            "[\"a\"]",
            "[\".\"]",
            "scopes.a:b.publish.allow: invalid subject `.`: ",
        ),
        (
            "[\"a\"]",
            "[\"{{rest}}\"]",
            "scopes.a:b.publish.allow: unknown place `{{rest}}`: ",
        ),
    ] {
        assert!(GOOD.contains(line), "{line}");
        let found = configure(&GOOD.replace(line, replacement))
            .unwrap_err()
            .to_string();
        assert!(found.starts_with(expected), "{found}");
    }
}
