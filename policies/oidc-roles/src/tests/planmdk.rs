//! What planmdk's callout makes of roles.

use portcullis_sdk::Permit;

use super::*;

/// Roles of each shape.
const ROLES: &str = r#"
    [settings]
    account = "APP"
    [settings.roles.both]
    publish = { allow = ["p.a"], deny = ["p.d"] }
    subscribe = { allow = ["s.a"], deny = ["s.d"] }
    [settings.roles.more]
    publish = { allow = ["p.b", "p.a"], deny = ["p.e"] }
    subscribe = { allow = ["s.b"], deny = ["s.d"] }
    [settings.roles.publisher]
    publish = { allow = ["p.only"] }
    [settings.roles.denier]
    publish = { deny = ["p.denied"] }
    [settings.roles.empty]
"#;

/// The four lists of a permit.
type Lists<'a> = [&'a [&'a str]; 4];

fn permit([publish, no_publish, subscribe, no_subscribe]: Lists<'_>) -> Verdict {
    Permit::new("APP")
        .user_name("alice@example.com")
        .publish_allow_all(publish.iter().copied())
        .publish_deny_all(no_publish.iter().copied())
        .subscribe_allow_all(subscribe.iter().copied())
        .subscribe_deny_all(no_subscribe.iter().copied())
        .into()
}

#[test]
fn lists_are_added_up_in_the_order_of_the_token() {
    let policy = policy(ROLES);
    let cases: [(&[&str], Lists<'_>); 11] = [
        (&[], [&[], &[], &[], &[]]),
        (&["unknown"], [&[], &[], &[], &[]]),
        (&["empty"], [&[], &[], &[], &[]]),
        (&["both"], [&["p.a"], &["p.d"], &["s.a"], &["s.d"]]),
        (
            &["both", "unknown", "more"],
            [
                &["p.a", "p.b", "p.a"],
                &["p.d", "p.e"],
                &["s.a", "s.b"],
                &["s.d", "s.d"],
            ],
        ),
        (
            &["more", "both"],
            [
                &["p.b", "p.a", "p.a"],
                &["p.e", "p.d"],
                &["s.b", "s.a"],
                &["s.d", "s.d"],
            ],
        ),
        (
            &["both", "both"],
            [
                &["p.a", "p.a"],
                &["p.d", "p.d"],
                &["s.a", "s.a"],
                &["s.d", "s.d"],
            ],
        ),
        // No subscription at all, not even to an inbox.
        (&["publisher"], [&["p.only"], &[], &[], &[]]),
        // Denied is that one, and the rest of the side is open.
        (&["denier"], [&[">"], &["p.denied"], &[], &[]]),
        (
            &["denier", "publisher"],
            [&["p.only"], &["p.denied"], &[], &[]],
        ),
        (&["denier", "empty"], [&[">"], &["p.denied"], &[], &[]]),
    ];
    for (roles, lists) in cases {
        assert_eq!(
            decide(&policy, with_roles(roles)),
            permit(lists),
            "{roles:?}"
        );
    }
}

#[test]
fn a_side_that_only_denies_can_be_closed() {
    let closed = ROLES.replace("[settings]", "[settings]\ndeny-only = \"allow-nothing\"");
    let verdict = decide(&policy(&closed), with_roles(&["denier"]));
    assert_eq!(verdict, permit([&[], &["p.denied"], &[], &[]]));
}

#[test]
fn a_role_that_is_one_text_is_one_role() {
    let request = login(&json!({ "email": "alice@example.com", "roles": "publisher" }));
    let verdict = decide(&policy(ROLES), request);
    assert_eq!(verdict, permit([&["p.only"], &[], &[], &[]]));
}

#[test]
fn the_name_is_the_email_address_and_without_one_the_subject() {
    let policy = policy(ROLES);
    for (claims, name) in [
        (json!({ "sub": "7", "email": "a@b.c" }), Some("a@b.c")),
        (json!({ "sub": "7" }), Some("7")),
        (json!({ "email": "" }), None),
        (json!({}), None),
    ] {
        let Verdict::Permit(permit) = decide(&policy, login(&claims)) else {
            panic!("no permit for {claims}")
        };
        assert_eq!(permit.user(), name, "{claims}");
    }
}
