//! Policies whose state cannot be stored: the host configures them before every decision.

use std::time::{Duration, Instant};

use portcullis_core::{DenialClass, Verdict};
use portcullis_engine::{Limits, LoadError, Policy};
use portcullis_test_policies::{
    decide, engine, load_bytes, load_with, plain_hashes, request, unreadable, wat,
};

use crate::world::typed;

fn load(name: &str, settings: &str, deadline: Duration) -> Result<Policy, LoadError> {
    let limits = Limits {
        deadline,
        ..Limits::default()
    };
    let module = unreadable(name);
    load_with(&engine(), &module, settings, limits, plain_hashes())
}

const AMPLE: Duration = Duration::from_secs(30);

#[test]
fn an_ordinary_policy_is_snapshotted() {
    assert!(
        portcullis_test_policies::load("counts")
            .unwrap()
            .is_snapshotted()
    );
}

#[test]
fn every_decision_takes_the_settings_in_an_instance_of_its_own() {
    let tells = load("tells", r#"{"greeting":"hello"}"#, AMPLE).unwrap();
    assert!(!tells.is_snapshotted());
    let Ok(Verdict::Deny(facts)) = decide(&tells) else {
        panic!("not a deny")
    };
    for fact in [
        "greeting=hello",
        r#"username=Some("alice")"#,
        "password=Ok(true)",
    ] {
        assert!(facts.contains(fact), "`{fact}` is not in `{facts}`");
    }
    let counts = load("counts", "{}", AMPLE).unwrap();
    for _ in 0..3 {
        assert_eq!(decide(&counts), Ok(Verdict::Deny("decision 1".to_owned())));
    }
}

#[test]
fn permits_that_it_builds_from_its_settings_count_in_each_decision() {
    let hoards = load("hoards_permits", "{}", AMPLE).unwrap();
    let error = decide(&hoards).unwrap_err();
    assert_eq!(error.class(), DenialClass::PolicyOutput);
    assert_eq!(
        error.to_string(),
        "its permits take more than 8388608 bytes"
    );
    // What `configure` builds when the policy is loaded is not part of any decision.
    let snapshotted = portcullis_test_policies::load("hoards_permits").unwrap();
    assert_eq!(decide(&snapshotted), Ok(Verdict::Abstain));
}

#[test]
fn its_settings_are_judged_when_it_is_loaded() {
    let refused = load("tells", "{}", AMPLE).unwrap_err();
    assert!(matches!(refused, LoadError::Settings(_)), "{refused}");
    assert!(refused.to_string().contains("greeting"), "{refused}");
    let failed = load("panics_in_configure", "{}", AMPLE).unwrap_err();
    assert!(matches!(failed, LoadError::Configure(_)), "{failed}");
}

#[test]
fn the_time_its_settings_take_is_the_decisions() {
    let policy = load("ponders_settings", "{}", AMPLE).unwrap();
    let deadline = Instant::now() + Duration::from_millis(20);
    let error = policy.evaluate(request(), deadline).run().unwrap_err();
    // The request's deadline is earlier than the policy's own.
    assert_eq!(error.class(), DenialClass::Deadline, "{error}");
}

#[test]
fn settings_that_leave_no_time_to_decide_are_refused() {
    let error = load("ponders_settings", "{}", Duration::from_millis(1)).unwrap_err();
    assert!(
        matches!(error, LoadError::TooSlowToConfigure { .. }),
        "{error}"
    );
    let text = error.to_string();
    for words in ["1ms", "`table.set`", "raise `deadline`"] {
        assert!(text.contains(words), "`{words}` is not in `{text}`");
    }
}

/// A module that abstains. The snapshot needs one page more than its memory may have.
const FULL: &str = r#"(module
    (memory (export "memory") 1 1)
    (data (i32.const 64) "\02")
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "portcullis:policy/decider@0.1.1#configure") (param i32 i32) (result i32) (i32.const 16))
    (func (export "portcullis:policy/decider@0.1.1#decide") (result i32) (i32.const 64)))"#;

#[test]
fn a_snapshot_that_fails_for_another_reason_is_a_refusal() {
    let policy = |text: &str| load_bytes(&typed(wat(text)));
    let error = policy(FULL).unwrap_err();
    assert!(matches!(error, LoadError::Snapshot(_)), "{error}");
    let with_room = policy(&FULL.replace("1 1)", "1 2)")).unwrap();
    assert_eq!(decide(&with_room), Ok(Verdict::Abstain));
}
