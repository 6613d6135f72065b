//! Permits of the policy SDK, natively and in a host.

use std::sync::Arc;
use std::time::{Duration, Instant};

use guests::permits::CASES;
use portcullis_core::{AuthorizationRequest, Credentials, Verdict};
use portcullis_engine::{EvaluationError, PermitFault, Policy};
use portcullis_test_policies::{load, request};

/// Returns the problems for which the host refuses the permit of this name.
fn refused(policy: &Policy, name: &str) -> Vec<String> {
    let request = Arc::new(AuthorizationRequest {
        // Natively, no login says when it was received.
        received_at: 0,
        credentials: Credentials {
            username: Some(name.to_owned()),
            ..request().credentials.clone()
        },
        ..(*request()).clone()
    });
    let deadline = Instant::now() + Duration::from_mins(1);
    match policy.evaluate(request, deadline).run() {
        Ok(Verdict::Permit(_)) => Vec::new(),
        Err(EvaluationError::InvalidPermit(PermitFault::Problems(problems))) => {
            problems.iter().map(ToString::to_string).collect()
        }
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn a_native_test_refuses_the_permits_that_the_host_refuses() {
    let policy = load("permits_each").unwrap();
    let mut good = 0;
    for (name, permit) in CASES {
        let natively = permit().problems();
        assert_eq!(refused(&policy, name), natively, "{name}");
        good += usize::from(natively.is_empty());
    }
    assert!((3..CASES.len() - 20).contains(&good), "{good}");
}
