//! What is said about bad settings.

use super::*;

/// Good settings; cases break one thing.
const GOOD: &str = r#"
    [settings]
    default-account = "APP"
    [[settings.rules]]
    spiffe = "spiffe://a/*"
    publish = { allow = ["a.{{1}}"] }
"#;

#[test]
fn every_mistake_is_named_with_its_key() {
    assert!(configure(GOOD).is_ok());
    for (line, replacement, expected) in [
        (
            "default-account",
            "account",
            "account: unknown field `account`, ",
        ),
        (
            "default-account = \"APP\"",
            "",
            "rules.0.account: no account: set `account` here, or `default-account`",
        ),
        (
            "\"APP\"",
            "\"\"",
            "rules.0.account: the permit names no account",
        ),
        (
            "spiffe = \"spiffe://a/*\"",
            "",
            "rules.0: it is for nobody: give it a pattern such as `spiffe`, or `fingerprints`",
        ),
        (
            "a/*\"",
            "**/a\"",
            "rules.0.spiffe: invalid pattern `spiffe://**/a`: ",
        ),
        (
            "spiffe = \"spiffe://a/*\"",
            "service-account = \"a/*\"",
            "rules.0.service-account: whose service accounts: ",
        ),
        (
            "{{1}}",
            "{{2}}",
            "rules.0.publish.allow: unknown place `{{2}}`: there are `{{1}}`, ",
        ),
        (
            "{{1}}",
            ".",
            "rules.0.publish.allow: invalid subject `a..`: ",
        ),
        (
            "publish =",
            "fingerprints = [\"ab:cd\"]\npublish =",
            "rules.0.fingerprints: expected 64 ",
        ),
        (
            "publish =",
            "expires-in = \"0s\"\npublish =",
            "rules.0.expires-in: shorter than a second",
        ),
        (
            "publish =",
            "sources = [\"x\"]\npublish =",
            "rules.0.sources: invalid network `x`: ",
        ),
    ] {
        assert!(GOOD.contains(line), "{line}");
        let found = configure(&GOOD.replace(line, replacement))
            .unwrap_err()
            .to_string();
        assert!(found.starts_with(expected), "{found}");
    }
}
