//! Tests of planmdk's rule: the permit has the lists of all roles, appended to each other.

use super::*;

const SETTINGS: &str = r#"
    [settings]
    account = "APP"
    deny-only = "allow-rest"
    [settings.roles.full]
    publish = { allow = ["a", "b"], deny = ["c"] }
    subscribe = { allow = ["d"], deny = ["e", "f"] }
    [settings.roles.more]
    publish = { allow = ["b", "g"], deny = ["c", "a"] }
    subscribe = { allow = ["h"] }
    [settings.roles.publishes]
    publish = { allow = ["p"] }
    [settings.roles.denies]
    publish = { deny = ["x"] }
    [settings.roles.denies-both]
    publish = { deny = ["y"] }
    subscribe = { deny = ["z"] }
    [settings.roles.empty]
"#;

/// The allowed and the denied subjects of a side.
type Side<'a> = (&'a [&'static str], &'a [&'static str]);

#[track_caller]
fn assert_lists(names: &[&str], publish: Side<'_>, subscribe: Side<'_>) {
    assert_lists_of(SETTINGS, names, publish, subscribe);
}

#[track_caller]
fn assert_lists_of(settings: &str, names: &[&str], publish: Side<'_>, subscribe: Side<'_>) {
    let expected = alice()
        .allow_publish(publish.0.iter().copied())
        .deny_publish(publish.1.iter().copied())
        .allow_subscribe(subscribe.0.iter().copied())
        .deny_subscribe(subscribe.1.iter().copied());
    let found = decide(&policy(settings), roles(names));
    assert_eq!(found, expected.into(), "{names:?}");
}

/// A side without subjects. The host closes a side that allows nothing.
const NOTHING: Side<'_> = (&[], &[]);

#[test]
fn no_role_and_unknown_roles_connect_and_can_do_nothing() {
    for names in [&[][..], &["unknown"], &["Full", "full "], &["empty"]] {
        assert_lists(names, NOTHING, NOTHING);
    }
    for claims in [
        r#"{ "sub": "alice" }"#,
        r#"{ "sub": "alice", "roles": null }"#,
        r#"{ "sub": "alice", "roles": { "full": true } }"#,
        r#"{ "sub": "alice", "roles": "" }"#,
    ] {
        let found = decide(&policy(SETTINGS), token(claims));
        assert_eq!(found, alice().into(), "{claims}");
    }
}

#[test]
fn one_role_has_its_lists() {
    let (publish, subscribe): (Side<'_>, Side<'_>) = ((&["a", "b"], &["c"]), (&["d"], &["e", "f"]));
    assert_lists(&["full"], publish, subscribe);
    assert_lists(&["unknown", "full", "empty"], publish, subscribe);
}

#[test]
fn several_roles_stand_in_the_order_of_the_token_with_each_subject_once() {
    assert_lists(
        &["full", "more"],
        (&["a", "b", "g"], &["c", "a"]),
        (&["d", "h"], &["e", "f"]),
    );
    assert_lists(
        &["more", "unknown", "full"],
        (&["b", "g", "a"], &["c", "a"]),
        (&["h", "d"], &["e", "f"]),
    );
    assert_lists(&["publishes", "publishes"], (&["p"], &[]), NOTHING);
}

#[test]
fn a_role_in_a_text_is_one_role() {
    let found = decide(
        &policy(SETTINGS),
        token(r#"{ "sub": "alice", "roles": "publishes" }"#),
    );
    assert_eq!(found, alice().allow_publish(["p"]).into());
    let two = token(r#"{ "sub": "alice", "roles": "publishes full" }"#);
    assert_eq!(decide(&policy(SETTINGS), two), alice().into());
}

#[test]
fn a_role_that_only_publishes_hears_nothing() {
    assert_lists(&["publishes"], (&["p"], &[]), NOTHING);
}

#[test]
fn a_side_that_only_denies_allows_the_rest() {
    assert_lists(&["denies"], (&[">"], &["x"]), NOTHING);
    assert_lists(&["denies-both"], (&[">"], &["y"]), (&[">"], &["z"]));
    assert_lists(
        &["denies", "denies-both"],
        (&[">"], &["x", "y"]),
        (&[">"], &["z"]),
    );
    // The subjects that another role allows replace the rest.
    assert_lists(&["denies", "publishes"], (&["p"], &["x"]), NOTHING);
    assert_lists(&["publishes", "denies"], (&["p"], &["x"]), NOTHING);
}

#[test]
fn a_side_that_only_denies_allows_nothing_unless_the_settings_say_so() {
    let closed = SETTINGS.replace("deny-only = \"allow-rest\"", "");
    assert_lists_of(&closed, &["denies"], (&[], &["x"]), NOTHING);
    let safe = SETTINGS.replace("allow-rest", "allow-nothing");
    assert_lists_of(&safe, &["denies"], (&[], &["x"]), NOTHING);
    assert_lists_of(&safe, &["denies", "publishes"], (&["p"], &["x"]), NOTHING);
}

#[test]
fn a_side_whose_allowed_subjects_have_no_value_does_not_allow_the_rest() {
    let settings = r#"
        [settings]
        account = "APP"
        deny-only = "allow-rest"
        [settings.roles.own]
        publish = { allow = ["app.{{claim.team}}.>"], deny = ["app.secret"] }
        [settings.roles.denies]
        publish = { deny = ["x"] }
    "#;
    assert_lists_of(settings, &["own"], (&[], &["app.secret"]), NOTHING);
    let denied: &[&str] = &["x", "app.secret"];
    assert_lists_of(settings, &["denies", "own"], (&[], denied), NOTHING);
}

#[test]
fn its_example_decides_as_it_would() {
    let policy = policy(include_str!("../../examples/planmdk.toml"));
    let login = |names: &[&str]| {
        let claims = serde_json::json!({ "email": "a@b.c", "email_verified": true, "sub": "1", "roles": names });
        decide(&policy, token(&claims.to_string()))
    };
    let permit = || Permit::new("APP").with_user_name("a@b.c");
    assert_eq!(login(&["Other"]), permit().into());
    assert_eq!(
        login(&["NATS.Admin"]),
        permit().allow_publish([">"]).allow_subscribe([">"]).into()
    );
    assert_eq!(
        login(&["NATS.Auditor", "NATS.Sensor"]),
        permit()
            .allow_publish(["plant.reading.>"])
            .deny_publish([">"])
            .allow_subscribe([">"])
            .deny_subscribe(["plant.secret.>"])
            .into()
    );
}
