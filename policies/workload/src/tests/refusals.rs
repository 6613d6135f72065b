//! Tests of the errors about bad settings.

use policy_support::testing::{GoodSettings, complaint, configure};

use crate::Workload;

/// Settings with one valid rule, which each case breaks in one place.
const GOOD: GoodSettings<Workload> = GoodSettings::new(
    r#"
    [settings]
    account = "APP"
    [[settings.rules]]
    spiffe = "spiffe://prod.example/ns/*"
    publish = { allow = ["a.{{1}}"] }
"#,
);

const ACCOUNT: &str = r#"account = "APP""#;
const SPIFFE: &str = r#"spiffe = "spiffe://prod.example/ns/*""#;
const PUBLISH: &str = r#"publish = { allow = ["a.{{1}}"] }"#;

#[test]
fn the_good_settings_are_good() {
    GOOD.assert_accepted();
    assert!(configure::<Workload>("[settings]").is_ok());
}

#[test]
fn a_bad_top_level_key_is_named() {
    for (line, expected) in [
        (
            "acount = 1",
            "acount: unknown field `acount`, did you mean `account`?",
        ),
        ("issuers = [\"\"]", "issuers: an empty text names nothing"),
        (
            "beside = [\"oidc\"]",
            "beside[0]: expected one of `jwt`, `nkey`, `password`, `token`",
        ),
        (
            "without-rule = \"permit\"",
            "without-rule: expected one of `abstain`, `deny`",
        ),
        ("expires-in = \"0s\"", "expires-in: shorter than a second"),
    ] {
        let settings = GOOD.replace(ACCOUNT, &format!("{ACCOUNT}\n{line}"));
        assert_eq!(complaint::<Workload>(&settings), expected);
    }
    GOOD.assert_complaints(&[
        (
            ACCOUNT,
            "",
            "rules[0].account: no account: set `account` here, or for all rules in `[settings]`",
        ),
        (
            ACCOUNT,
            "account = \"A P\"",
            "account: invalid account name `A P`: expected 1 to 256 bytes without white space and control characters",
        ),
        (
            ACCOUNT,
            "account = \"{{1}}\"",
            "account: unknown place `{{1}}` in `{{1}}`; there are `claim.PATH`, `tag.NAME`, `group`, `principal`, `nkey`",
        ),
    ]);
}

#[test]
fn a_template_of_another_kind_is_refused() {
    GOOD.assert_complaints(&[
        (
            SPIFFE,
            "dns = \"{{claim.host}}.example.com\"",
            "rules[0].dns: invalid pattern `{{claim.host}}.example.com`: a place (`{{…}}`) is not possible here: a `*` \
             stands for any part, and `{{1}}` in a subject for what it matches",
        ),
        (
            PUBLISH,
            "publish = { allow = [\"a.{1}\"] }",
            "rules[0].publish.allow: `{1}` in `a.{1}` is no place: a place is written as `{{claim.sub}}`",
        ),
        (
            PUBLISH,
            "publish = { allow = [\"a.{{subject()}}\"] }",
            "rules[0].publish.allow: `{{subject()}}` in `a.{{subject()}}` is a place that servers fill for scoped \
             signing keys; a policy fills `claim.PATH`, `tag.NAME`, `group`, `principal`, `nkey`, `account`, \
             `user-name`, `name`, `1`",
        ),
    ]);
}

#[test]
fn a_rule_is_about_exactly_one_name() {
    GOOD.assert_complaints(&[
        (
            SPIFFE,
            "",
            "rules[0]: the rule is about no client: set one of `spiffe`, `uri`, `dns`, `email`, `subject`, `fingerprint` \
             and `service-account`",
        ),
        (
            SPIFFE,
            "dns = \"a\"\nuri = \"b:c\"",
            "rules[0]: both `uri` and `dns`: a rule is about one of them; make two rules",
        ),
        (
            SPIFFE,
            "spiffe = \"prod.example\"",
            "rules[0].spiffe: invalid pattern `prod.example`: expected a SPIFFE id with its trust domain, as \
             `spiffe://prod.example/ns/*/sa/api`",
        ),
        (
            SPIFFE,
            "dns = \"api-*.example.com\"",
            "rules[0].dns: invalid pattern `api-*.example.com`: a `*` stands for a whole part: between slashes, between \
             dots, next to the `@`, or behind the `=`",
        ),
        (
            SPIFFE,
            "service-account = \"api\"",
            "rules[0].issuers: no issuer: name those whose tokens prove service accounts, here or for all rules in \
             `[settings]`; rules[0].service-account: invalid pattern `api`: expected `namespace/name`, as `prod/api` or \
             `prod/*`",
        ),
        (
            SPIFFE,
            "name = \"a\"",
            "rules[0].name: unknown field `name`, expected one of `spiffe`, `uri`, `dns`, `email`, `subject`, \
             `fingerprint`, `service-account`, `issuers`, `account`, `user-name`, `expires-in`, `publish`, `subscribe`, \
             `intents`, `responses`, `role`, `sources`, `connection-types`, `times`, `times-location`, `proxy-required`",
        ),
    ]);
}

#[test]
fn issuers_belong_to_rules_about_tokens() {
    let only = "only tokens have issuers: leave it out of a rule about certificates, or name trust domains (`spiffe://…`) in one about SPIFFE ids";
    let line = format!("{SPIFFE}\nissuers = [\"a\"]");
    assert_eq!(
        complaint::<Workload>(&GOOD.replace(SPIFFE, &line)),
        format!("rules[0].issuers: {only}")
    );
    let line = "service-account = \"a/*\"\nissuers = [\"\"]";
    assert_eq!(
        complaint::<Workload>(&GOOD.replace(SPIFFE, line)),
        "rules[0].issuers: an empty text names nothing"
    );
    let line = "service-account = \"a/*\"\nissuers = []";
    assert_eq!(
        complaint::<Workload>(&GOOD.replace(SPIFFE, line)),
        "rules[0].issuers: must name at least one; leave the key out for no restriction"
    );
    let line = "service-account = \"a/*\"\nissuers = [\"i\"]";
    assert!(configure::<Workload>(&GOOD.replace(SPIFFE, line)).is_ok());
}

#[test]
fn what_a_rule_permits_is_checked_with_its_captures() {
    GOOD.assert_complaints(&[
        (
            PUBLISH,
            r#"publish = { allow = ["a.{{2}}"] }"#,
            "rules[0].publish.allow: unknown place `{{2}}` in `a.{{2}}`; there are `claim.PATH`, `tag.NAME`, `group`, \
             `principal`, `nkey`, `account`, `user-name`, `name`, `1`",
        ),
        (
            PUBLISH,
            r#"subscribe = { deny = ["a..{{1}}"] }"#,
            "rules[0].subscribe.deny: invalid subject `a..{{1}}`: it has an empty token; remove the extra `.`",
        ),
        (
            PUBLISH,
            r#"user-name = "{{1}}{{name}}""#,
            "rules[0].user-name: two places in `{{1}}{{name}}`: a name has one place at most",
        ),
        (
            PUBLISH,
            r#"account = "{{user-name}}""#,
            "rules[0].account: unknown place `{{user-name}}` in `{{user-name}}`; there are `claim.PATH`, `tag.NAME`, \
             `group`, `principal`, `nkey`, `name`, `1`",
        ),
        (
            PUBLISH,
            r#"expires-in = "1ms""#,
            "rules[0].expires-in: shorter than a second",
        ),
    ]);
    let found = complaint::<Workload>(&GOOD.replace(PUBLISH, "sources = [\"10\"]"));
    assert!(
        found.starts_with("rules[0].sources: invalid network `10`: "),
        "{found}"
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let settings = r#"
        [settings]
        issuers = [""]
        expires-in = "0s"
        [[settings.rules]]
        spiffe = "spiffe://*/a"
        expires-in = "0s"
        [[settings.rules]]
        service-account = "a/*"
        account = ""
        user-name = "{{2}}"
        publish = { allow = ["a b"], deny = ["{{"] }
        sources = ["10"]
    "#;
    let complaint = complaint::<Workload>(settings);
    let keys: Vec<_> = complaint
        .split("; ")
        .filter_map(|problem| problem.split_once(": "))
        .map(|(key, _)| key)
        .filter(|key| key.starts_with("rules[") || !key.contains([' ', '`']))
        .collect();
    assert_eq!(
        keys,
        [
            "issuers",
            "expires-in",
            "rules[0].expires-in",
            "rules[0].account",
            "rules[0].spiffe",
            "rules[1].account",
            "rules[1].user-name",
            "rules[1].publish.allow",
            "rules[1].publish.deny",
            "rules[1].sources",
        ]
    );
}
