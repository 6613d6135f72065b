//! Tests of the errors about bad settings.

use policy_support::testing::{GoodSettings, complaint, configure};

use crate::OidcRoles;

/// Settings with one valid role, which each case breaks in one place.
const GOOD: GoodSettings<OidcRoles> = GoodSettings::new(
    r#"
    [settings]
    account = "APP"
    [settings.roles.Admin]
    publish = { allow = ["a"] }
"#,
);

const ACCOUNT: &str = r#"account = "APP""#;
const PUBLISH: &str = r#"publish = { allow = ["a"] }"#;

/// Asserts errors. A case is an additional line of the settings, and the error.
#[track_caller]
fn assert_complaints_about(cases: &[(&str, &str)]) {
    for (line, expected) in cases {
        let settings = GOOD.replace(ACCOUNT, &format!("{ACCOUNT}\n{line}"));
        assert_eq!(complaint::<OidcRoles>(&settings), *expected);
    }
}

#[test]
fn the_good_settings_are_good() {
    GOOD.assert_accepted();
}

#[test]
fn a_template_where_none_is_filled_is_refused() {
    let claims = "this setting offers no places; write the claim's path, such as `org.roles`";
    for key in [
        "role-claims",
        "space-separated-role-claims",
        "role-object-claims",
        "name-claims",
    ] {
        assert_complaints_about(&[(
            &format!("{key} = [\"{{{{claim.roles}}}}\"]"),
            &format!("{key}: `{{{{claim.roles}}}}`: {claims}"),
        )]);
    }
    GOOD.assert_complaints(&[
        (
            "[settings.roles.Admin]",
            "[settings.roles.\"{{group}}\"]",
            "roles.{{group}}: `{{group}}`: this setting offers no places; write the role as the token has it",
        ),
        (
            PUBLISH,
            r#"intents = { publish = ["a.{user}.>"] }"#,
            "roles.Admin.intents.publish: `{user}` in `a.{user}.>` is no place: a place is written as `{{claim.sub}}`",
        ),
        (
            PUBLISH,
            r#"role = "{{group}}""#,
            "roles.Admin.role: `{{group}}` is not possible here: name the signing key as it is",
        ),
        (
            ACCOUNT,
            r#"account = "{claim.org}""#,
            "account: `{claim.org}` in `{claim.org}` is no place: a place is written as `{{claim.sub}}`",
        ),
    ]);
}

#[test]
fn a_bad_top_level_key_is_named() {
    assert_complaints_about(&[
        (
            "acount = 1",
            "acount: unknown field `acount`, did you mean `account`?",
        ),
        (
            "role-claims = \"roles\"",
            "role-claims: expected a list, found a string",
        ),
        (
            "role-claims = [\"\"]",
            "role-claims: an empty text names nothing",
        ),
        (
            "role-claims = []",
            "role-claims: no claim to read roles from: name one here, in `space-separated-role-claims` or in `role-object-claims`",
        ),
        (
            "space-separated-role-claims = [\"\"]",
            "space-separated-role-claims: an empty text names nothing",
        ),
        (
            "name-claims = [\"a\", \"\"]",
            "name-claims: an empty text names nothing",
        ),
        ("issuers = [\"\"]", "issuers: an empty text names nothing"),
        (
            "issuers = []",
            "issuers: must name at least one; leave the key out for no restriction",
        ),
        (
            "issuers = {}",
            "issuers: must name at least one; leave the key out for no restriction",
        ),
        (
            "issuers = { \"https://a.example\" = \"a/b\" }",
            "issuers: invalid name `a/b`: expected 1 to 64 ASCII letters, digits and `-_.`",
        ),
        (
            "issuers = { \"https://a.example\" = \"a\", \"https://b.example\" = \"a\" }",
            "issuers: two issuers have the name `a`: their users would not be told apart",
        ),
        (
            "issuers = 1",
            "issuers: expected a list of issuers, or a table like { \"https://id.example\" = \"name\" }, found a whole number",
        ),
        (
            "without-role = \"permit\"",
            "without-role: expected one of `permit-nothing`, `deny`, `abstain`",
        ),
        (
            "deny-only = \"deny\"",
            "deny-only: expected one of `allow-rest`, `allow-nothing`",
        ),
        (
            "expires-in = 8",
            "expires-in: expected a duration like \"30s\", \"15m\", \"1h30m\" or \"2d\", found a whole number",
        ),
        ("expires-in = \"0s\"", "expires-in: shorter than a second"),
    ]);
    let only_scopes = GOOD.replace(
        ACCOUNT,
        "account = \"A\"\nrole-claims = []\nspace-separated-role-claims = [\"scope\"]",
    );
    assert!(configure::<OidcRoles>(&only_scopes).is_ok());
}

#[test]
fn a_missing_or_bad_account_is_named() {
    let own = GOOD
        .replace(ACCOUNT, "")
        .replace(PUBLISH, r#"account = "A""#);
    assert_eq!(
        complaint::<OidcRoles>(&own),
        "account: no account for logins without a role: set `account`, or `without-role` to `deny` or `abstain`"
    );
    GOOD.assert_complaints(&[
        (
            ACCOUNT,
            "",
            "roles.Admin.account: no account: set `account` here, or for all roles in `[settings]`",
        ),
        (
            ACCOUNT,
            r#"account = "A P""#,
            "account: invalid account name `A P`: expected 1 to 256 bytes without white space and control characters",
        ),
        (
            PUBLISH,
            r#"account = "{{account}}""#,
            "roles.Admin.account: unknown place `{{account}}` in `{{account}}`; there are `claim.PATH`, `tag.NAME`, \
             `group`, `principal`, `nkey`",
        ),
    ]);
}

#[test]
fn a_bad_role_is_named() {
    GOOD.assert_complaints(&[
        (
            PUBLISH,
            r#"publish = { allow = ["a..b"] }"#,
            "roles.Admin.publish.allow: invalid subject `a..b`: it has an empty token; remove the extra `.`",
        ),
        (
            PUBLISH,
            r#"publish = { deny = ["a b"] }"#,
            "roles.Admin.publish.deny: invalid subject `a b`: a queue group is only possible in subscribe permissions",
        ),
        (
            PUBLISH,
            r#"subscribe = { allow = ["app.{{claim.sub.>"] }"#,
            "roles.Admin.subscribe.allow: `{{` without `}}` in `app.{{claim.sub.>`: a place is written as `{{claim.sub}}`",
        ),
        (
            PUBLISH,
            r#"subscribe = { deny = ["{{}}"] }"#,
            "roles.Admin.subscribe.deny: the place `{{}}` in `{{}}` names nothing: write it as `{{claim.sub}}`",
        ),
        (
            PUBLISH,
            r#"publish = { allow = ["{{sub}}"] }"#,
            "roles.Admin.publish.allow: unknown place `{{sub}}` in `{{sub}}`; there are `claim.PATH`, `tag.NAME`, `group`, \
             `principal`, `nkey`, `account`, `user-name`",
        ),
        (
            PUBLISH,
            r#"publish = ["a"]"#,
            "roles.Admin.publish: expected a table like { allow = [\"orders.>\"], deny = [] }, found a list",
        ),
        (
            PUBLISH,
            r#"pub = { allow = ["a"] }"#,
            "roles.Admin.pub: unknown field `pub`, expected one of `account`, `publish`, `subscribe`, `intents`, `responses`, `role`, \
             `sources`, `connection-types`, `times`, `times-location`, `proxy-required`",
        ),
    ]);
    for (line, start) in [
        (
            r#"sources = ["10"]"#,
            "roles.Admin.sources: invalid network `10`: ",
        ),
        (
            r#"connection-types = ["X"]"#,
            "roles.Admin.connection-types: unknown connection type `X`: ",
        ),
        (
            r#"times = [{ start = "8", end = "9" }]"#,
            "roles.Admin.times: invalid time `8`: ",
        ),
        (
            r#"times-location = "UTC""#,
            "roles.Admin.times-location: a time zone without a range of times: ",
        ),
        (r#"role = """#, "roles.Admin: invalid role: "),
    ] {
        let found = complaint::<OidcRoles>(&GOOD.replace(PUBLISH, line));
        assert!(found.starts_with(start), "{found}");
    }
    let no_table = "[settings]\naccount = \"A\"\nroles.Admin = 1";
    assert_eq!(
        complaint::<OidcRoles>(no_table),
        "roles.Admin: expected a table with `account`, `publish`, `subscribe`, `intents`, `responses` and what bounds a login, \
         found a whole number"
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let settings = r#"
        [settings]
        role-claims = []
        name-claims = [""]
        expires-in = "1ms"
        [settings.roles.A]
        account = ""
        publish = { allow = ["a..b", "{{x}}"] }
        sources = ["10"]
        [settings.roles.B]
        subscribe = { deny = [""] }
    "#;
    let complaint = complaint::<OidcRoles>(settings);
    let keys: Vec<_> = complaint
        .split("; ")
        .filter_map(|problem| problem.split_once(": "))
        .map(|(key, _)| key)
        .filter(|key| key.contains(['-', '.']))
        .collect();
    assert_eq!(
        keys,
        [
            "name-claims",
            "role-claims",
            "expires-in",
            "roles.A.account",
            "roles.A.publish.allow",
            "roles.A.publish.allow",
            "roles.A.sources",
            "roles.B.subscribe.deny",
            "roles.B.account",
        ]
    );
}
