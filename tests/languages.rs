//! Policies in other languages than Rust: the same policy in each, built with the tool of the
//! language.

#![expect(
    clippy::unwrap_used,
    reason = "a test program: its helpers may fail as its tests may"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{AuthorizationRequest, Claims, Verdict};
use portcullis_engine::{Grants, Limits, LoadError, Policy};
use portcullis_harness::Built;
use portcullis_test_policies::{engine, load_with, request};
use rstest::rstest;

/// Returns limits for a whole interpreter on a busy machine.
fn limits() -> Limits {
    Limits {
        deadline: Duration::from_secs(30),
        ..Limits::default()
    }
}

const SETTINGS: &str = r#"{"account":"APP","teams":"my-teams","blocked":["mallory"]}"#;

fn load(language: &str, settings: &str) -> Result<Policy, LoadError> {
    let module = Built::in_other_language(language).unwrap();
    load_with(&engine(), &module, settings, limits(), Grants::default())
}

/// Returns the verdict of `policy` on a client of this name, in these teams.
fn decide(policy: &Policy, name: Option<&str>, teams: &[&str]) -> Verdict {
    let mut request = AuthorizationRequest::clone(&request());
    request.credentials.username = name.map(str::to_owned);
    let claims = serde_json::json!({ "my-teams": teams });
    request.identity.claims = Claims::new(claims.as_object().unwrap().clone());
    let deadline = Instant::now() + Duration::from_mins(1);
    policy.evaluate(Arc::new(request), deadline).run().unwrap()
}

#[rstest]
#[case::spidermonkey("javascript-spidermonkey", true)]
#[case::quickjs("javascript-quickjs", false)]
#[case::python("python", true)]
fn it_permits_denies_and_abstains(#[case] language: &str, #[case] snapshotted: bool) {
    let policy = load(language, SETTINGS).unwrap();
    assert_eq!(policy.is_snapshotted(), snapshotted);
    assert_eq!(decide(&policy, None, &["blue"]), Verdict::Abstain);
    let denied = |reason: &str| Verdict::Deny(reason.to_owned());
    assert_eq!(
        decide(&policy, Some("mallory"), &["blue"]),
        denied("`mallory` is blocked")
    );
    assert_eq!(
        decide(&policy, Some("alice"), &[]),
        denied("`alice` is in no team")
    );
    let Verdict::Permit(permit) = decide(&policy, Some("alice"), &["blue", "red"]) else {
        panic!("no permit")
    };
    assert_eq!(permit.account(), "APP");
    assert_eq!(permit.user_name(), Some("alice"));
    let subjects = |list: &[portcullis_core::PermissionSubject]| -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        subjects(&permit.permissions().publish.allow),
        ["teams.blue.>", "teams.red.>"]
    );
    assert_eq!(
        subjects(&permit.permissions().subscribe.allow),
        ["teams.blue.>", "teams.red.>", "_INBOX.>"]
    );
}

/// Verifies one JavaScript engine only: both reject settings in the same way, and the larger one
/// takes long to compile.
#[rstest]
fn it_refuses_settings_in_its_own_words(#[values("javascript-quickjs", "python")] language: &str) {
    let error = load(language, r#"{"account":"APP","acount":1}"#).unwrap_err();
    assert!(matches!(error, LoadError::Settings(_)), "{error}");
    assert!(error.to_string().contains("acount: unknown key"), "{error}");
}
