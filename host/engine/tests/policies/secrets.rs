//! The knowledge that a policy can gain about a secret by comparisons.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{AuthorizationRequest, DenialClass, Secret, Verdict};
use portcullis_engine::{EvaluationError, Grants, Limits};
use portcullis_test_policies::{engine, guest, load_with, plain_hashes, policy, request};

/// Runs the guest `guesses` with a client that has this password.
fn guess(password: &str, comparisons: usize, grants: Grants) -> Result<Verdict, EvaluationError> {
    let limits = Limits {
        comparisons,
        deadline: Duration::from_secs(30),
        ..Limits::default()
    };
    let policy = load_with(&engine(), &guest("guesses"), "{}", limits, grants).unwrap();
    let mut request = AuthorizationRequest::clone(&request());
    request.credentials.password = Some(Secret::new(password));
    policy
        .evaluate(Arc::new(request), Instant::now() + Duration::from_mins(1))
        .run()
}

#[test]
fn a_policy_cannot_guess_a_secret() {
    let error = guess("031337", 8, plain_hashes()).unwrap_err();
    assert_eq!(error.class(), DenialClass::PolicyComparisons);
    assert_eq!(
        error.to_string(),
        "it compared the client's password or token more than 8 times; raise `comparisons` under [limits] in its settings file \
         if that is meant"
    );
    let within = Verdict::Deny("the password is 000007".to_owned());
    assert_eq!(guess("000007", 8, plain_hashes()), Ok(within));
    let error = guess("000008", 8, plain_hashes()).unwrap_err();
    assert_eq!(error.class(), DenialClass::PolicyComparisons);
}

#[test]
fn plain_forms_match_nothing_unless_they_are_granted() {
    let error = guess("000000", 100, Grants::default()).unwrap_err();
    assert_eq!(error.class(), DenialClass::PolicyComparisons);
}

#[test]
fn settings_with_plain_forms_need_the_grant() {
    let settings = r#"{
        "dangerous-plain-text-passwords": true,
        "default-account": "APP",
        "profiles": { "one": { "publish": { "allow": ["a"] } } },
        "users": { "alice": { "password": "plain:secret", "profile": "one" } }
    }"#;
    let module = policy("static-users");
    let load = |grants| load_with(&engine(), &module, settings, Limits::default(), grants);
    let error = load(Grants::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "settings refused: users.alice.password: `plain:` is not granted: make a hash with `portcullis hash`, or write \
         `plain-hashes = true` under [policies.grants.guest] in portcullis.toml"
    );
    assert!(load(plain_hashes()).is_ok());
}
