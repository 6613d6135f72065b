//! Look-ups of keys: grants, answers and errors.

use std::sync::Arc;
use std::time::Instant;

use portcullis_core::{BucketName, KeyValues, LookUpError, Verdict};
use portcullis_engine::{Limits, LoadError, Policy};
use portcullis_test_policies::{
    PATIENCE, decide, engine, engine_with_buckets, granted_buckets, guest, load, load_with, request,
};
use rstest::rstest;

fn policy(settings: &str, limits: Limits) -> Policy {
    let module = guest("looks_up");
    let grants = granted_buckets(&["revoked", "away"]);
    load_with(&engine_with_buckets(), &module, settings, limits, grants).unwrap()
}

/// Returns the reason of `looks_up` with these settings; `None` if it permits.
fn refusal(settings: &str) -> Option<String> {
    match decide(&policy(settings, Limits::default())).unwrap() {
        Verdict::Deny(reason) => Some(reason),
        Verdict::Permit(_) => None,
        Verdict::Abstain => panic!("it abstains"),
    }
}

#[test]
fn looking_up_needs_a_grant() {
    let error = load("looks_up").unwrap_err();
    assert_eq!(
        error.to_string(),
        "it imports `portcullis:policy/key-value`, which needs `key-value = [\"BUCKET\"]` under [policies.grants.guest] in portcullis.toml"
    );
}

#[test]
fn a_bucket_that_the_host_does_not_have_cannot_be_granted() {
    let module = guest("looks_up");
    let (limits, grants) = (Limits::default(), granted_buckets(&["revoked", "rewoked"]));
    let settings = r#"{"bucket":"revoked"}"#;
    let error = load_with(&engine_with_buckets(), &module, settings, limits, grants).unwrap_err();
    assert!(matches!(error, LoadError::UnknownBucket(_)), "{error}");
    for words in ["`rewoked`", "`buckets` under [key-value]"] {
        assert!(error.to_string().contains(words), "`{words}`: {error}");
    }
}

#[rstest]
#[case::absent(r#"{"bucket":"revoked"}"#, None)]
#[case::present(
    r#"{"bucket":"revoked","key":"mallory"}"#,
    Some("revoked: left in May")
)]
#[case::not_synchronised(
    r#"{"bucket":"away"}"#,
    Some("cannot look up: bucket `away` is not synchronised")
)]
#[case::not_granted(
    r#"{"bucket":"tenants","key":"acme"}"#,
    Some(
        "cannot look up: bucket `tenants` is not granted: list it in `key-value` under [policies.grants.guest] in"
    )
)]
#[case::no_bucket(
    r#"{"bucket":"> \n"}"#,
    Some("cannot look up: bucket `> \\n` is not granted")
)]
#[case::no_key(
    r#"{"bucket":"revoked","key":"a b"}"#,
    Some("cannot look up: no key: a key has")
)]
fn a_look_up_returns_the_value_or_the_reason(
    #[case] settings: &str,
    #[case] expected: Option<&str>,
) {
    let refusal = refusal(settings);
    match expected {
        None => assert_eq!(refusal, None),
        Some(start) => {
            let reason = refusal.unwrap();
            assert!(reason.starts_with(start), "{reason}");
        }
    }
}

#[test]
fn a_value_longer_than_a_policy_may_be_handed_is_an_error() {
    let limits = Limits {
        host_call_bytes: 1999,
        ..Limits::default()
    };
    let settings = r#"{"bucket":"revoked","key":"long"}"#;
    let verdict = decide(&policy(settings, limits)).unwrap();
    let Verdict::Deny(reason) = verdict else {
        panic!("{verdict:?}")
    };
    assert!(
        reason.contains("longer than 1999 bytes: raise `host-call-bytes`"),
        "{reason}"
    );
    let reason = refusal(settings).unwrap();
    assert!(reason.starts_with("revoked: xxx"), "{reason}");
}

#[test]
fn the_number_of_look_ups_of_a_decision_is_bounded() {
    assert_eq!(refusal(r#"{"bucket":"revoked","before":255}"#), None);
    let reason = refusal(r#"{"bucket":"revoked","before":256}"#).unwrap();
    assert_eq!(reason, "cannot look up: a decision may look up 256 keys");
}

#[test]
fn nothing_is_looked_up_while_settings_are_taken() {
    let module = guest("looks_up");
    let settings = r#"{"bucket":"revoked","too-early":true}"#;
    let (limits, grants) = (Limits::default(), granted_buckets(&["revoked"]));
    let error = load_with(&engine_with_buckets(), &module, settings, limits, grants).unwrap_err();
    assert!(matches!(error, LoadError::Configure(_)), "{error}");
    assert!(
        error
            .to_string()
            .contains("`key-value.get` was called during `configure`"),
        "{error}"
    );
}

#[test]
fn the_look_ups_of_a_decision_are_recorded() {
    let engine = engine_with_buckets().metered().unwrap();
    let module = guest("looks_up");
    let settings = r#"{"bucket":"revoked","key":"mallory"}"#;
    let (limits, grants) = (Limits::default(), granted_buckets(&["revoked"]));
    let policy = load_with(&engine, &module, settings, limits, grants).unwrap();
    let metered = policy
        .evaluate(request(), Instant::now() + PATIENCE)
        .run_metered(u64::MAX);
    assert_eq!(
        metered.verdict,
        Ok(Verdict::Deny("revoked: left in May".to_owned()))
    );
    assert_eq!(metered.asked, ["key-value.get(revoked,mallory)"]);
}

/// A bucket whose values change at every look-up.
#[derive(Debug, Default)]
struct Restless(std::sync::atomic::AtomicUsize);

impl KeyValues for Restless {
    fn serves(&self, _: &BucketName) -> bool {
        true
    }

    fn get(&self, _: &BucketName, _: &str) -> Result<Option<Arc<str>>, LookUpError> {
        let asked = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(Some(asked.to_string().into()))
    }
}

#[test]
fn an_instance_that_decides_again_looks_up_again() {
    let engine = engine().with_key_values(Arc::<Restless>::default());
    let module = guest("looks_up");
    // The policy looks up the key twice: once by `before`, and once for the decision.
    let settings = r#"{"bucket":"revoked","key":"0","before":1}"#;
    let (limits, grants) = (Limits::default(), granted_buckets(&["revoked"]));
    let policy = load_with(&engine, &module, settings, limits, grants).unwrap();
    let policy = policy.reusing(10.try_into().unwrap());
    for number in 0..3 {
        let expected = Verdict::Deny(format!("revoked: {number}"));
        assert_eq!(decide(&policy), Ok(expected));
    }
}
