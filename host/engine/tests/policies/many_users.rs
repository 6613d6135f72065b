//! Settings with a hundred thousand users or roles.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::Verdict;
use portcullis_engine::{Limits, LoadError, Policy};
use portcullis_test_policies::{
    decide, engine, identified, load_with, plain_hashes, policy, request,
};
use serde_json::{Map, Value, json};

/// The number of users or roles.
const MANY: usize = 100_000;
/// An output of `portcullis hash`.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$OGHn5PNYVjatTnAUOQhytQ$wInNLvmSVMWSp/tkN5a15K/o5I7yDhcs0CkzvwLpRJ4";

/// Returns settings of `static-users` with a hundred thousand users with this hash, and the user of
/// the request.
fn users(hash: &str) -> String {
    let user = |hash: &str| json!({ "password": hash, "profile": "service" });
    let mut users: Map<_, _> = (0..MANY)
        .map(|number| (format!("user-{number}"), user(hash)))
        .collect();
    users.insert("alice".to_owned(), user("plain:secret"));
    json!({
        "dangerous-plain-text-passwords": true,
        "default-account": "APP",
        "profiles": { "service": { "publish": { "allow": ["orders.>"] } } },
        "users": users,
    })
    .to_string()
}

fn load(package: &str, settings: &str, memory: usize) -> Result<Policy, LoadError> {
    let limits = Limits {
        memory,
        ..Limits::default()
    };
    let module = policy(package);
    load_with(&engine(), &module, settings, limits, plain_hashes())
}

#[test]
fn a_hundred_thousand_users_fit_into_64_mib() {
    let policy = load("static-users", &users(HASH), 64 << 20).unwrap();
    assert!(policy.is_snapshotted());
    let mut with_password = (*request()).clone();
    with_password.credentials.token = None;
    with_password.identity = identified(&with_password);
    let deadline = Instant::now() + Duration::from_mins(1);
    let verdict = policy.evaluate(Arc::new(with_password), deadline).run();
    let Ok(Verdict::Permit(permit)) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(permit.user_name(), Some("alice"));
    let allowed = &permit.permissions().publish.allow;
    assert_eq!(
        allowed.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["orders.>"]
    );
}

#[test]
fn a_hundred_thousand_roles_fit_into_96_mib() {
    let role = |number| json!({ "publish": { "allow": [format!("orders.{number}")] } });
    let roles: Map<_, Value> = (0..MANY)
        .map(|number| (format!("role-{number}"), role(number)))
        .collect();
    let settings = json!({ "account": "APP", "roles": roles }).to_string();
    let policy = load("oidc-roles", &settings, 96 << 20).unwrap();
    assert!(policy.is_snapshotted());
    // The policy decides only logins with a token of an identity provider.
    assert_eq!(decide(&policy), Ok(Verdict::Abstain));
}

#[test]
fn the_same_mistake_a_hundred_thousand_times_is_a_refusal_that_can_be_read() {
    let refused = load("static-users", &users("hunter2"), 128 << 20).unwrap_err();
    let LoadError::Settings(message) = refused else {
        panic!("{refused}")
    };
    assert!(message.contains("users.user-0.password: "), "{message}");
    assert!(message.ends_with("; and 99936 more"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}
