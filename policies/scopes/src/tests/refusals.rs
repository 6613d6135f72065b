//! Tests of the errors about bad settings.

use policy_support::testing::{GoodSettings, complaint, configure};

use crate::Scopes;

/// Settings with one valid scope, which each case breaks in one place.
const GOOD: GoodSettings<Scopes> = GoodSettings::new(
    r#"
    [settings]
    account-claim = "account"
    [settings.scopes."a:*"]
    publish = { allow = ["a"] }
"#,
);

const ACCOUNT: &str = r#"account-claim = "account""#;
const SCOPE: &str = r#"[settings.scopes."a:*"]"#;
const PUBLISH: &str = r#"publish = { allow = ["a"] }"#;

#[test]
fn the_good_settings_are_good() {
    GOOD.assert_accepted();
}

#[test]
fn a_template_where_none_is_filled_is_refused() {
    let claims = "this setting offers no places; write the claim's path, such as `org.id`";
    GOOD.assert_complaints(&[
        (
            ACCOUNT,
            r#"account-claim = "{{claim.org}}""#,
            &format!("account-claim: `{{{{claim.org}}}}`: {claims}"),
        ),
        (
            ACCOUNT,
            "account-claim = \"a\"\nname-claims = [\"{{claim.sub}}\"]",
            &format!("name-claims: `{{{{claim.sub}}}}`: {claims}"),
        ),
        (
            SCOPE,
            r#"[settings.scopes."a:{{group}}"]"#,
            "scopes.a:{{group}}: `{{group}}`: this setting offers no places; write the scope as the token has it",
        ),
        (
            PUBLISH,
            r#"publish = { allow = ["a.${sub}"] }"#,
            "scopes.a:*.publish.allow: `{sub}` in `a.${sub}` is no place: a place is written as `{{claim.sub}}`",
        ),
    ]);
}

#[test]
fn a_bad_top_level_key_is_named() {
    let empty = "an empty text names nothing";
    for (line, expected) in [
        (
            "acount = 1",
            "acount: unknown field `acount`, expected one of `scope-claims`, `account-claim`, `default-account`, \
             `name-claims`, `without-scope`, `issuers`, `expires-in`, `scopes`"
                .to_owned(),
        ),
        ("scope-claims = [\"\"]", format!("scope-claims: {empty}")),
        (
            "scope-claims = []",
            "scope-claims: no claim to read scopes from: name one, as `scope`".to_owned(),
        ),
        ("name-claims = [\"\"]", format!("name-claims: {empty}")),
        ("issuers = [\"\"]", format!("issuers: {empty}")),
        (
            "issuers = []",
            "issuers: must name at least one; leave the key out for no restriction".to_owned(),
        ),
        (
            "without-scope = \"ignore\"",
            "without-scope: expected one of `deny`, `permit-nothing`, `abstain`".to_owned(),
        ),
        (
            "expires-in = \"999ms\"",
            "expires-in: shorter than a second".to_owned(),
        ),
        (
            "default-account = \"{{account}}\"",
            "default-account: unknown place `{{account}}` in `{{account}}`; there are `claim.PATH`, `tag.NAME`, \
             `group`, `principal`, `nkey`"
                .to_owned(),
        ),
        (
            "default-account = \"\"",
            "default-account: invalid account name ``: expected 1 to 256 bytes without white space and control characters"
                .to_owned(),
        ),
    ] {
        let settings = GOOD.replace(ACCOUNT, &format!("{ACCOUNT}\n{line}"));
        assert_eq!(complaint::<Scopes>(&settings), expected);
    }
}

#[test]
fn no_account_at_all_is_a_complaint() {
    GOOD.assert_complaints(&[
        (
            ACCOUNT,
            "",
            "account-claim: no account: name the claim that holds it, or set `default-account` for all",
        ),
        (
            ACCOUNT,
            "account-claim = \"\"",
            "account-claim: an empty text names nothing",
        ),
    ]);
}

#[test]
fn a_bad_scope_is_named() {
    let star = "a `*` may only stand at the end: write `admin:*` for all that begin with `admin:`";
    for (name, expected) in [
        ("", "scopes.: an empty text names no scope".to_owned()),
        (
            "a b",
            "scopes.a b: a scope with white space: name each scope by itself".to_owned(),
        ),
        ("a*b", format!("scopes.a*b: {star}")),
        ("a**", format!("scopes.a**: {star}")),
    ] {
        let table = format!("[settings.scopes.\"{name}\"]");
        assert_eq!(complaint::<Scopes>(&GOOD.replace(SCOPE, &table)), expected);
    }
    assert!(configure::<Scopes>(&GOOD.replace(SCOPE, r#"[settings.scopes."*"]"#)).is_ok());
    GOOD.assert_complaints(&[
        (
            PUBLISH,
            r#"publish = { allow = ["a..b"] }"#,
            "scopes.a:*.publish.allow: invalid subject `a..b`: it has an empty token; remove the extra `.`",
        ),
        (
            PUBLISH,
            r#"subscribe = { deny = ["{{claim.}}"] }"#,
            "scopes.a:*.subscribe.deny: the place `{{claim.}}` in `{{claim.}}` names nothing: write it as `{{claim.sub}}`",
        ),
        (
            PUBLISH,
            "account = \"A\"",
            "scopes.a:*.account: unknown field `account`, expected one of `publish`, `subscribe`, `intents`, `responses`, `role`, \
             `sources`, `connection-types`, `times`, `times-location`, `proxy-required`",
        ),
    ]);
}

#[test]
fn all_problems_are_reported_at_once() {
    let settings = r#"
        [settings]
        scope-claims = [""]
        default-account = "A B"
        expires-in = "0s"
        [settings.scopes."a*b"]
        publish = { allow = ["a b"] }
        [settings.scopes.c]
        sources = ["10"]
    "#;
    let complaint = complaint::<Scopes>(settings);
    for start in [
        "scope-claims: ",
        "; default-account: ",
        "; expires-in: ",
        "; scopes.a*b: ",
        "; scopes.a*b.publish.allow: ",
        "; scopes.c.sources: ",
    ] {
        assert!(complaint.contains(start), "{start} in {complaint}");
    }
}
