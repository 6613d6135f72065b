//! The knowledge that a policy can gain about a secret by comparisons.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_catalog::PolicyGrants;
use portcullis_core::{AuthorizationRequest, DenialClass, Outcome, Secret, Verdict};
use portcullis_engine::{EvaluationError, Grants, Limits};
use portcullis_harness::Built;

use crate::site::{Site, names};
use crate::support::{engine, guest, load_with, plain_hashes, request};

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

/// Opens a directory of policies that each guess eight numbers and abstain, and returns the denial
/// of a login whose password is the number `password`.
fn guess_together(policies: u32, password: &str) -> (DenialClass, String) {
    let mut site = Site::new(&[]);
    for index in 0..policies {
        let name = format!("p{index:02}");
        let (from, to) = (8 * index, 8 * index + 8);
        site.put(&format!("{name}.wasm"), &guest("guesses"));
        let settings = format!("[settings]\nfrom = {from}\nto = {to}\n");
        site.put(&format!("{name}.toml"), settings.as_bytes());
        let granted = PolicyGrants {
            grants: plain_hashes(),
            ..PolicyGrants::default()
        };
        site.grant(&name, granted);
    }
    let (catalog, report) = site.open();
    assert_eq!(
        u32::try_from(names(&catalog).len()),
        Ok(policies),
        "{report:?}"
    );
    let mut request = AuthorizationRequest::clone(&request());
    request.credentials.password = Some(Secret::new(password));
    let deadline = Instant::now() + Duration::from_mins(1);
    let decision = catalog.snapshot().decide(&Arc::new(request), deadline);
    match decision.outcome {
        Outcome::Deny(denial) => (denial.class, denial.reason),
        Outcome::Permit(permit) => panic!("{permit:?}"),
    }
}

#[test]
fn many_policies_together_cannot_guess_a_secret() {
    let (class, reason) = guess_together(10, "000063");
    assert_eq!(class, DenialClass::PolicyDenied);
    assert_eq!(reason, "the password is 000063");
    let (class, reason) = guess_together(10, "000064");
    assert_eq!(class, DenialClass::PolicyComparisons);
    assert_eq!(
        reason,
        "the policies that were asked compared the client's password or token more than 64 times together; raise `comparisons` \
         under [limits] in the settings file of one of them if that is meant"
    );
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
    let module = Built::policy("static-users").unwrap();
    let load = |grants| load_with(&engine(), &module, settings, Limits::default(), grants);
    let error = load(Grants::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "settings refused: users.alice.password: `plain:` is not granted: make a hash with `portcullis hash`, or write \
         `plain-hashes = true` under [policies.grants.guest] in portcullis.toml"
    );
    assert!(load(plain_hashes()).is_ok());
}
