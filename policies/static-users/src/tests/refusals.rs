//! Tests of the errors about bad settings.

use policy_support::testing::{GoodSettings, complaint};

use super::DIGEST;
use crate::StaticUsers;

/// Settings with one valid user, which each case breaks in one place.
const GOOD: GoodSettings<StaticUsers> = GoodSettings::new(
    r#"
    [settings]
    default-account = "APP"
    [settings.profiles.staff]
    publish = { allow = ["a"] }
    [settings.users.alice]
    password = "$2b$12$abcdefghijklmnopqrstuv"
    profile = "staff"
"#,
);

#[test]
fn the_good_settings_are_good() {
    GOOD.assert_accepted();
}

#[test]
fn a_bad_top_level_key_is_named() {
    GOOD.assert_complaints(&[
        (
            r#"default-account = "APP""#,
            r#"defaultaccount = "APP""#,
            "defaultaccount: unknown field `defaultaccount`, did you mean `default-account`?",
        ),
        (
            r#"default-account = "APP""#,
            "default-account = \"APP\"\nsecrets = 1",
            "secrets: unknown field `secrets`, expected one of `default-account`, `unknown-users`, \
             `dangerous-plain-text-passwords`, `profiles`, `users`",
        ),
        (
            r#"default-account = "APP""#,
            "default-account = 1",
            "default-account: expected a string, found a whole number",
        ),
        (
            "[settings.profiles.staff]",
            "unknown-users = \"ignore\"\n[settings.profiles.staff]",
            "unknown-users: expected one of `abstain`, `deny`",
        ),
    ]);
}

#[test]
fn bad_bounds_of_a_profile_are_named() {
    let line = r#"publish = { allow = ["a"] }"#;
    for (bounds, start) in [
        (
            r#"sources = ["10.0.0.1"]"#,
            "profiles.staff.sources: invalid network `10.0.0.1`: ",
        ),
        (
            r#"connection-types = ["TCP"]"#,
            "profiles.staff.connection-types: unknown connection type `TCP`: expected STANDARD, ",
        ),
        (
            r#"times = [{ start = "8", end = "18:00:00" }]"#,
            "profiles.staff.times: invalid time `8`: ",
        ),
        (
            r#"times-location = "UTC""#,
            "profiles.staff.times-location: a time zone without a range of times: ",
        ),
        (r#"role = """#, "profiles.staff: invalid role: "),
        (
            "sources = []",
            "profiles.staff.sources: must name at least one; leave the key out for no restriction",
        ),
        (
            "connection-types = []",
            "profiles.staff.connection-types: must name at least one; leave the key out for no restriction",
        ),
        (
            "times = []",
            "profiles.staff.times: must name at least one; leave the key out for no restriction",
        ),
    ] {
        let found = complaint::<StaticUsers>(&GOOD.replace(line, bounds));
        assert!(found.starts_with(start), "{found}");
    }
}

#[test]
fn a_bad_profile_is_named() {
    GOOD.assert_complaints(&[
        (
            r#"publish = { allow = ["a"] }"#,
            r#"publish = { allow = ["a..b"] }"#,
            "profiles.staff.publish.allow: invalid subject `a..b`: it has an empty token; remove the extra `.`",
        ),
        (
            r#"publish = { allow = ["a"] }"#,
            r#"subscribe = { deny = [""] }"#,
            "profiles.staff.subscribe.deny: invalid subject ``: it is empty",
        ),
        (
            r#"publish = { allow = ["a"] }"#,
            r#"publish = ["a"]"#,
            "profiles.staff.publish: expected a table like { allow = [\"orders.>\"], deny = [] }, found a list",
        ),
        (
            r#"publish = { allow = ["a"] }"#,
            r#"publish = { alow = ["a"] }"#,
            "profiles.staff.publish.alow: unknown field `alow`, did you mean `allow`?",
        ),
        (
            r#"publish = { allow = ["a"] }"#,
            "responses = true",
            "profiles.staff.responses: expected a table like { max = 1, ttl = \"2m\" }, found `true`",
        ),
        (
            r#"publish = { allow = ["a"] }"#,
            "responses = { max = -1 }",
            "profiles.staff.responses.max: expected a whole number from 0 to 4294967295, found `-1`",
        ),
        (
            r#"publish = { allow = ["a"] }"#,
            "responses = { ttl = 5 }",
            "profiles.staff.responses.ttl: expected a duration like \"30s\", \"15m\", \"1h30m\" or \"2d\", \
             found a whole number",
        ),
    ]);
}

#[test]
fn a_template_is_refused_with_the_way_out() {
    let line = r#"publish = { allow = ["a"] }"#;
    let way_out = "this policy offers no places; write a profile for each user, or set `private-inbox` under `intents` for \
                   an inbox of the user's own";
    for (replacement, key, place, subject) in [
        (
            r#"publish = { allow = ["a.{{user-name}}.>"] }"#,
            "publish.allow",
            "{{user-name}}",
            "a.{{user-name}}.>",
        ),
        (
            r#"publish = { deny = ["a.{{claim.sub}}"] }"#,
            "publish.deny",
            "{{claim.sub}}",
            "a.{{claim.sub}}",
        ),
        (
            r#"subscribe = { allow = ["a.{user} q"] }"#,
            "subscribe.allow",
            "{user}",
            "a.{user} q",
        ),
        (
            r#"subscribe = { deny = ["a.{{name()"] }"#,
            "subscribe.deny",
            "{{",
            "a.{{name()",
        ),
        (
            r#"intents = { subscribe = ["a.{{user-name}}.>"] }"#,
            "intents.subscribe",
            "{{user-name}}",
            "a.{{user-name}}.>",
        ),
        (
            r#"intents = { key-values.B.get = ["{{user-name}}.>"] }"#,
            "intents.key-values.B.get",
            "{{user-name}}",
            "$JS.API.DIRECT.GET.KV_B.$KV.B.{{user-name}}.>",
        ),
    ] {
        assert_eq!(
            complaint::<StaticUsers>(&GOOD.replace(line, replacement)),
            format!("profiles.staff.{key}: `{place}` in `{subject}`: {way_out}")
        );
    }
}

#[test]
fn a_template_of_a_name_is_refused() {
    GOOD.assert_complaints(&[
        (
            r#"default-account = "APP""#,
            r#"default-account = "{{claim.org}}""#,
            "default-account: `{{claim.org}}`: this setting offers no places; write the account's name",
        ),
        (
            r#"profile = "staff""#,
            "profile = \"staff\"\naccount = \"A-{{group}}\"",
            "users.alice.account: `{{group}}`: this setting offers no places; write the account's name",
        ),
        (
            "[settings.users.alice]",
            "[settings.users.\"{{claim.sub}}\"]",
            "users.{{claim.sub}}: `{{claim.sub}}`: this setting offers no places; write the name that the client sends",
        ),
        (
            r#"publish = { allow = ["a"] }"#,
            r#"role = "{{group}}""#,
            "profiles.staff.role: `{{group}}` is not possible here: name the signing key as it is",
        ),
    ]);
}

#[test]
fn a_bad_user_is_named() {
    GOOD.assert_complaints(&[
        (
            r#"default-account = "APP""#,
            "",
            "users.alice.account: no account: set `account` here, or `default-account` for all users",
        ),
        (
            r#"default-account = "APP""#,
            r#"default-account = "A P""#,
            "users.alice: invalid account name `A P`: white space and control characters are not possible",
        ),
        (
            "[settings.users.alice]",
            "[settings.users.alice]\npasword = \"\"",
            "users.alice.pasword: unknown field `pasword`, did you mean `password`?",
        ),
        (
            "[settings.users.alice]",
            "[settings.users.\"\\u0007\"]",
            "users.\u{7}: invalid user name: expected 1 to 256 bytes without control characters",
        ),
        (
            r#"profile = "staff""#,
            "",
            "users.alice: missing field `profile`",
        ),
        (
            r#"profile = "staff""#,
            r#"profile = "staf""#,
            "users.alice.profile: no profile `staf`; there are `staff`",
        ),
        (
            "[settings.profiles.staff]\n    publish = { allow = [\"a\"] }",
            "",
            "users.alice.profile: no profile `staff`: add a table `[settings.profiles.staff]`",
        ),
        (
            r#"profile = "staff""#,
            "profile = \"staff\"\nexpires-in = \"1x\"",
            "users.alice.expires-in: invalid duration `1x`: write numbers with units, like \"30s\", \"15m\", \
             \"1h30m\" or \"2d\"",
        ),
        (
            r#"profile = "staff""#,
            "profile = \"staff\"\nexpires-in = \"500ms\"",
            "users.alice.expires-in: shorter than a second",
        ),
    ]);
}

#[test]
fn a_bad_hash_is_named_without_being_shown() {
    let good = r#"password = "$2b$12$abcdefghijklmnopqrstuv""#;
    let cases = [
        (
            "",
            "users.alice: neither `password` nor `token` is set: no client could log in as this user",
        ),
        (
            r#"password = "hunter2""#,
            "users.alice.password: not a password hash: expected argon2, scrypt (PHC) or bcrypt; \
             make one with `portcullis hash`",
        ),
        (
            r#"password = "plain:hunter2""#,
            "users.alice.password: this is plain text; make a hash with `portcullis hash`, or set \
             `dangerous-plain-text-passwords = true`",
        ),
        (
            r#"token = "plain:hunter2""#,
            "users.alice.token: this is plain text; make a hash with `portcullis hash --token`, or set \
             `dangerous-plain-text-passwords = true`",
        ),
        (
            r#"token = "sha256:hunter2""#,
            "users.alice.token: malformed sha256 hash",
        ),
        (
            r#"password = "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b""#,
            "users.alice.password: `sha256:` is for tokens, not for passwords; make a hash with `portcullis hash`",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(
            complaint::<StaticUsers>(&GOOD.replace(good, line)),
            expected
        );
    }
}

#[test]
fn nothing_is_no_password_even_in_plain_text() {
    let settings = GOOD
        .replace("$2b$12$abcdefghijklmnopqrstuv", "plain:")
        .replace(
            "[settings]",
            "[settings]\ndangerous-plain-text-passwords = true",
        );
    assert_eq!(
        complaint::<StaticUsers>(&settings),
        "users.alice.password: nothing follows `plain:`, but no client may log in with an empty secret"
    );
}

#[test]
fn two_users_cannot_share_a_token() {
    let settings = format!(
        "{}\ntoken = \"{DIGEST}\"\n[settings.users.bob]\ntoken = \"{DIGEST}\"\nprofile = \"staff\"",
        GOOD.trim_end()
    );
    assert_eq!(
        complaint::<StaticUsers>(&settings),
        "users.bob.token: the same token as that of user `alice`"
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let settings = GOOD
        .replace(r#"["a"]"#, r#"["a b", ".c"]"#)
        .replace("$2b$12$abcdefghijklmnopqrstuv", "plain:x")
        .replace(r#"default-account = "APP""#, "")
        .replace(r#"profile = "staff""#, r#"profile = "x""#);
    let complaint = complaint::<StaticUsers>(&settings);
    let keys: Vec<_> = complaint
        .split("; ")
        .filter_map(|problem| problem.split_once(": "))
        .map(|(key, _)| key)
        .filter(|key| key.contains('.'))
        .collect();
    assert_eq!(
        keys,
        [
            "profiles.staff.publish.allow",
            "profiles.staff.publish.allow",
            "users.alice.password",
            "users.alice.account",
            "users.alice.profile",
        ]
    );
}
