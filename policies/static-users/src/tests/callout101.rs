//! Tests with the users and profiles of nats-callout101.

use portcullis_sdk::{Permit, Responses};

use super::*;

const FILE: &str = include_str!("../../examples/callout101.toml");

const DENIED: [&str; 5] = [
    "$JS.API.STREAM.CREATE.>",
    "$JS.API.STREAM.DELETE.>",
    "$JS.API.STREAM.PURGE.>",
    "$JS.API.STREAM.PEER.REMOVE.>",
    "$JS.API.STREAM.LEADER.STEPDOWN.>",
];

fn privileged(account: &str, name: &str) -> Permit {
    Permit::new(account)
        .with_user_name(name)
        .allow_publish([">"])
        .allow_subscribe([">"])
        .allow_responses(Responses::default())
}

#[test]
fn its_three_users_get_their_accounts_and_permissions() {
    let expected = [
        ("admin", privileged("APP", "admin")),
        ("test-1", privileged("$G", "test-1")),
        (
            "test-2",
            privileged("$G", "test-2")
                .deny_publish(DENIED)
                .deny_subscribe(DENIED),
        ),
    ];
    let policy = policy(FILE);
    for (name, permit) in expected {
        assert_eq!(decide(&policy, login(name, name)), permit.into());
    }
}

#[test]
fn other_users_are_refused() {
    let policy = policy(FILE);
    let cases = [
        (login("admin", "test-1"), "wrong password"),
        (login("admin", ""), "wrong password"),
        (Request::builder().username("admin"), "wrong password"),
        (login("test-3", "test-3"), "unknown user"),
        (Request::builder().token("admin"), "unknown token"),
    ];
    for (request, reason) in cases {
        assert_eq!(decide(&policy, request), Verdict::deny(reason));
    }
}
