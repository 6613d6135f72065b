//! The knowledge that a policy can gain about a secret by comparisons.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{
    Asker, AuthorizationRequest, DenialClass, HashError, Secret, SecretVerifier, Verdict,
};
use portcullis_engine::{Engine, EngineOptions, EvaluationError, Grants, Limits};
use portcullis_test_policies::{
    engine, guest, identified, load_with, plain_hashes, policy, request,
};

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

/// A verifier for which every secret matches every hash.
struct MatchesAll;

impl SecretVerifier for MatchesAll {
    fn matches(&self, _: &Secret, _: &str, _: Asker<'_>, _: Instant) -> Result<bool, HashError> {
        Ok(true)
    }

    fn check(&self, _: &str) -> Result<(), HashError> {
        Ok(())
    }
}

/// The host makes logins up to test a chain, and each policy of it would compute a slow hash.
#[test]
fn no_slow_hash_is_computed_for_a_login_that_is_to_match_none() {
    let settings = r#"{
        "default-account": "APP",
        "profiles": { "p": {} },
        "users": { "alice": { "password": "$argon2id$", "profile": "p" } }
    }"#;
    let options = EngineOptions {
        max_concurrent: 1,
        code_cache: None,
    };
    let engine = Engine::new(options, Arc::new(MatchesAll)).unwrap();
    let module = policy("static-users");
    let limits = Limits::default();
    let policy = load_with(&engine, &module, settings, limits, Grants::default()).unwrap();
    let mut with_password = AuthorizationRequest::clone(&request());
    with_password.credentials.token = None;
    with_password.identity = identified(&with_password);
    let with_password = Arc::new(with_password);
    let deadline = Instant::now() + Duration::from_mins(1);

    let evaluate = || policy.evaluate(Arc::clone(&with_password), deadline);
    assert!(matches!(evaluate().run(), Ok(Verdict::Permit(_))));
    let denied = Verdict::Deny("wrong password".to_owned());
    assert_eq!(evaluate().without_slow_hashes().run(), Ok(denied));
}
