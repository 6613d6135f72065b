//! Decide: ask the authorizer, inside the deadline, and hold its permit to the host's own rules.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use portcullis_core::{
    AuthorizationRequest, Decision, Denial, DenialClass, Outcome, Permit, PolicyRef, WorkBudget,
};
use tokio::task::spawn_blocking;
use tokio::time::timeout_at;

use crate::enforce::enforce;
use crate::rules::PermitRules;
use crate::traces::Stage;

/// Returns the decision on a request: `decision` of the authorizer, or a denial if its permit
/// breaks the host's own rules. Calls `end` at the end of each stage.
pub(crate) async fn decide(
    decision: impl Future<Output = Decision>,
    request: Arc<AuthorizationRequest>,
    deadline: Instant,
    rules: &Arc<PermitRules>,
    end: impl Fn(Stage),
) -> Decision {
    // The authorizer can be code of another project, so its panic results in a denial.
    let decision = AssertUnwindSafe(decision).catch_unwind();
    let decision = timeout_at(deadline.into(), decision).await;
    end(Stage::Decide);
    let decision = match decision {
        Ok(Ok(decision)) => decision,
        Ok(Err(_)) => return Decision::deny(DenialClass::Internal, "the authorizer panicked"),
        Err(_) => {
            return Decision::deny(
                DenialClass::Deadline,
                "no decision within the request's deadline",
            );
        }
    };
    let outcome = match decision.outcome {
        Outcome::Permit(permit) => {
            let policy = decision.policy.clone();
            let held = enforced(permit, request, policy, deadline, rules).await;
            end(Stage::Enforce);
            held.map_or_else(Outcome::Deny, Outcome::Permit)
        }
        Outcome::Deny(denial) => Outcome::Deny(denial),
    };
    Decision {
        outcome,
        ..decision
    }
}

/// Applies the host's own rules to the permit: inline within [`WorkBudget::INLINE`], else on the
/// blocking pool.
async fn enforced(
    mut permit: Permit,
    request: Arc<AuthorizationRequest>,
    policy: Option<Arc<PolicyRef>>,
    deadline: Instant,
    rules: &Arc<PermitRules>,
) -> Result<Permit, Denial> {
    let mut work = WorkBudget::new(WorkBudget::INLINE);
    let held = enforce(&mut permit, &request, policy.as_deref(), rules, &mut work);
    if !work.is_exceeded() {
        return held.map(|()| permit);
    }
    let rules = Arc::clone(rules);
    let held = spawn_blocking(move || {
        let mut work = WorkBudget::default();
        enforce(&mut permit, &request, policy.as_deref(), &rules, &mut work).map(|()| permit)
    });
    match timeout_at(deadline.into(), held).await {
        Ok(Ok(held)) => held,
        Ok(Err(_)) => Err(Denial::new(
            DenialClass::Internal,
            "holding the permit to the host's rules panicked",
        )),
        Err(_) => Err(Denial::new(
            DenialClass::Deadline,
            "the permit was not held to the host's rules within the request's deadline",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use portcullis_core::{Authorizer, Ceiling, PermissionSubject, SubjectPermission};

    use super::*;
    use crate::fixtures::{NOW, request, rules};

    /// An authorizer that returns this decision. With `None`, it never returns.
    struct Fixed(Option<Decision>);

    impl Authorizer for Fixed {
        async fn authorize(&self, _: Arc<AuthorizationRequest>, _: Instant) -> Decision {
            match &self.0 {
                Some(decision) => decision.clone(),
                None => std::future::pending().await,
            }
        }
    }

    /// Asks `authorizer`, and holds its permit to `rules`.
    async fn decide(
        authorizer: &impl Authorizer,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
        rules: &Arc<PermitRules>,
        end: impl Fn(Stage),
    ) -> Decision {
        let decision = authorizer.authorize(Arc::clone(&request), deadline);
        super::decide(decision, request, deadline, rules, end).await
    }

    #[tokio::test]
    async fn an_authorizer_that_is_late_is_a_named_deny() {
        let rules = Arc::new(rules());
        let decision = decide(
            &Fixed(None),
            Arc::new(request()),
            Instant::now(),
            &rules,
            |_| {},
        )
        .await;
        let Outcome::Deny(denial) = decision.outcome else {
            panic!("{decision:?}")
        };
        assert_eq!(denial.class, DenialClass::Deadline);
    }

    /// An authorizer that panics.
    struct Broken;

    impl Authorizer for Broken {
        async fn authorize(&self, _: Arc<AuthorizationRequest>, _: Instant) -> Decision {
            panic!("broken")
        }
    }

    #[tokio::test]
    async fn an_authorizer_that_panics_is_a_named_deny() {
        let rules = Arc::new(rules());
        let deadline = Instant::now() + Duration::from_secs(1);
        let decision = decide(&Broken, Arc::new(request()), deadline, &rules, |_| {}).await;
        let Outcome::Deny(denial) = decision.outcome else {
            panic!("{decision:?}")
        };
        assert_eq!(denial.class, DenialClass::Internal);
    }

    #[tokio::test]
    async fn what_the_authorizer_permits_is_held_to_the_hosts_rules() {
        let rules = Arc::new(rules());
        let permit = Permit::builder("SYS", NOW).finish().unwrap();
        let authorizer = Fixed(Some(crate::fixtures::permit(permit)));
        let deadline = Instant::now() + Duration::from_secs(1);
        let decision = decide(&authorizer, Arc::new(request()), deadline, &rules, |_| {}).await;
        assert!(decision.policy.is_some(), "{decision:?}");
        let Outcome::Deny(denial) = decision.outcome else {
            panic!("`SYS` was permitted")
        };
        assert_eq!(denial.class, DenialClass::AccountNotAllowed);
    }

    /// Subjects that an ordinary policy could allow.
    const ORDINARY: fn(usize) -> String = |number| format!("app.{number}.orders");

    /// Returns the outcome, until `deadline`, for a permit with up to 4,000 subjects under
    /// `ceiling`. Comparing them takes the blocking pool.
    async fn much_to_compare(
        ceiling: &[&str],
        subject: fn(usize) -> String,
        deadline: Instant,
    ) -> Outcome {
        let mut rules = rules();
        let allow = ceiling.iter().map(|subject| subject.parse().unwrap());
        let side = SubjectPermission {
            allow: allow.collect::<Vec<PermissionSubject>>(),
            deny: Vec::new(),
        };
        let ceiling = Ceiling {
            publish: side.clone(),
            subscribe: side,
            ..Ceiling::default()
        };
        rules.ceilings.accounts = BTreeMap::from([("APP".parse().unwrap(), ceiling)]);
        let mut permit = Permit::builder("APP", NOW);
        let mut bytes = 0;
        for subject in (0..4000).map(subject) {
            bytes += subject.len();
            if bytes <= Permit::MAX_SUBJECT_BYTES {
                permit.subscribe_allow(&subject);
            }
        }
        let authorizer = Fixed(Some(crate::fixtures::permit(permit.finish().unwrap())));
        decide(
            &authorizer,
            Arc::new(request()),
            deadline,
            &Arc::new(rules),
            |_| {},
        )
        .await
        .outcome
    }

    #[tokio::test]
    async fn large_permits_are_compared_and_hostile_ones_are_a_named_deny() {
        let deadline = Instant::now() + Duration::from_mins(5);
        let ordinary = much_to_compare(&["app.>"], ORDINARY, deadline).await;
        let Outcome::Permit(permit) = ordinary else {
            panic!("{ordinary:?}")
        };
        assert_eq!(permit.permissions().subscribe.allow.len(), 4000);
        let hostile = |number| format!("{}> q.{number}", "*.".repeat(number % 100));
        let hostile = much_to_compare(&["> q.*", "*.> q.>", "*.*.> *"], hostile, deadline);
        let Outcome::Deny(denial) = hostile.await else {
            panic!("a permit that takes for ever to compare was permitted")
        };
        assert_eq!(denial.class, DenialClass::CeilingExceeded);
        assert!(denial.reason.contains("takes more than"), "{denial}");
    }

    /// Occupies the only thread of the blocking pool, so that the comparison never begins.
    #[test]
    fn comparing_leaves_the_thread_of_the_runtime_and_ends_with_the_deadline() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let (release, occupied) = std::sync::mpsc::channel::<()>();
        let blocker = runtime.spawn_blocking(move || occupied.recv());
        // The decision of the authorizer is there at once, so it counts after the deadline too.
        let deadline = Instant::now();
        let outcome = runtime.block_on(much_to_compare(&["app.>"], ORDINARY, deadline));
        drop(release);
        runtime.block_on(blocker).unwrap().unwrap_err();
        let Outcome::Deny(denial) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(denial.class, DenialClass::Deadline);
        assert!(denial.reason.contains("the host's rules"), "{denial}");
    }
}
