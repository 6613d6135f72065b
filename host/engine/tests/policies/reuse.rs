//! Reuse of instances for several decisions, which policies must opt in to.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use portcullis_core::Verdict;
use portcullis_engine::{Grants, Limits, Policy};
use portcullis_test_policies::{PATIENCE, decide, engine, guest, load_with, request};

fn reusing(name: &str, settings: &str, decisions: u32) -> Policy {
    let (limits, grants) = (Limits::default(), Grants::default());
    let policy = load_with(&engine(), &guest(name), settings, limits, grants).unwrap();
    policy.reusing(NonZeroU32::new(decisions).unwrap())
}

fn deny(reason: &str) -> Verdict {
    Verdict::Deny(reason.to_owned())
}

#[test]
fn an_instance_decides_as_often_as_it_may() {
    let policy = reusing("counts", "{}", 3);
    let said: Vec<_> = (0..5).map(|_| decide(&policy).unwrap()).collect();
    let expected = [1, 2, 3, 1, 2].map(|number| deny(&format!("decision {number}")));
    assert_eq!(
        said, expected,
        "the memory of an instance is what is given up"
    );
    assert_eq!(policy.decisions_per_instance(), 3);
}

#[test]
fn each_decision_is_about_its_own_request() {
    let policy = reusing("tells", r#"{"greeting":"hello"}"#, 100);
    let about = |name: &str| {
        let mut request = portcullis_core::AuthorizationRequest::clone(&request());
        request.client.name = Some(name.to_owned());
        match policy
            .evaluate(Arc::new(request), Instant::now() + PATIENCE)
            .run()
        {
            Ok(Verdict::Deny(facts)) => facts,
            other => panic!("{other:?}"),
        }
    };
    for name in ["first", "second", "third"] {
        let facts = about(name);
        assert!(
            facts.contains(&format!("client.name=Some(\"{name}\")")),
            "{facts}"
        );
    }
}

#[test]
fn permits_and_limits_start_afresh_for_each_decision() {
    let policy = reusing("echoes", "{}", 1000);
    for _ in 0..200 {
        assert!(matches!(decide(&policy), Ok(Verdict::Permit(_))));
    }
    let logs = reusing("floods_the_log", "{}", 1000);
    for _ in 0..3 {
        assert_eq!(decide(&logs), Ok(Verdict::Abstain));
    }
}

#[test]
fn an_instance_that_fails_is_not_used_again() {
    for name in ["panics", "allocates", "recurses"] {
        let policy = reusing(name, "{}", 1000);
        let first = decide(&policy).unwrap_err();
        assert_eq!(decide(&policy).unwrap_err(), first, "{name}");
    }
}

#[test]
fn an_instance_that_keeps_a_permit_is_not_used_again() {
    let policy = reusing("keeps_permits", "{}", 1000);
    for _ in 0..3 {
        assert_eq!(decide(&policy), Ok(deny("kept a permit")));
    }
}

#[test]
fn many_policies_with_idle_instances_leave_room_for_decisions() {
    // More policies than the pool has slots for idle instances.
    let engine = engine();
    let policies: Vec<_> = (0..66)
        .map(|_| {
            let (limits, grants) = (Limits::default(), Grants::default());
            let policy = load_with(&engine, &guest("counts"), "{}", limits, grants).unwrap();
            policy.reusing(NonZeroU32::new(1000).unwrap())
        })
        .collect();
    for _ in 0..2 {
        for policy in &policies {
            assert!(decide(policy).is_ok());
        }
    }
    let said: Vec<_> = policies
        .iter()
        .map(|policy| decide(policy).unwrap())
        .collect();
    assert_eq!(
        said.iter()
            .filter(|said| **said == deny("decision 3"))
            .count(),
        64
    );
    drop(policies);
    let policy = load_with(
        &engine,
        &guest("counts"),
        "{}",
        Limits::default(),
        Grants::default(),
    );
    let policy = policy.unwrap().reusing(NonZeroU32::new(2).unwrap());
    assert_eq!(decide(&policy), Ok(deny("decision 1")));
    assert_eq!(
        decide(&policy),
        Ok(deny("decision 2")),
        "their places are free again"
    );
}
