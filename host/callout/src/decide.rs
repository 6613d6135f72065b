//! Decide: ask the authorizer, inside the deadline, and hold its permit to the host's own rules.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use portcullis_core::{AuthorizationRequest, Authorizer, Decision, DenialClass, Outcome};

use crate::enforce::enforce;
use crate::service::ServiceOptions;

/// What the host makes of a request.
pub(crate) async fn decide<A: Authorizer>(
    authorizer: &A,
    request: Arc<AuthorizationRequest>,
    deadline: Instant,
    options: &ServiceOptions,
) -> Decision {
    // Somebody else's code: a panic in it is a refusal like any other failure.
    let decision = AssertUnwindSafe(authorizer.authorize(Arc::clone(&request), deadline));
    let decision = tokio::time::timeout_at(deadline.into(), decision.catch_unwind()).await;
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
            match enforce(permit, &request, decision.policy.as_deref(), options) {
                Ok(permit) => Outcome::Permit(permit),
                Err(denial) => Outcome::Deny(denial),
            }
        }
        Outcome::Deny(denial) => Outcome::Deny(denial),
    };
    Decision {
        outcome,
        ..decision
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::Permit;

    use super::*;
    use crate::fixtures::{NOW, options, request};

    /// Decides so, or never.
    struct Fixed(Option<Decision>);

    impl Authorizer for Fixed {
        async fn authorize(&self, _: Arc<AuthorizationRequest>, _: Instant) -> Decision {
            match &self.0 {
                Some(decision) => decision.clone(),
                None => std::future::pending().await,
            }
        }
    }

    #[tokio::test]
    async fn an_authorizer_that_is_late_is_a_named_deny() {
        let options = options();
        let decision = decide(&Fixed(None), Arc::new(request()), Instant::now(), &options).await;
        let Outcome::Deny(denial) = decision.outcome else {
            panic!("{decision:?}")
        };
        assert_eq!(denial.class, DenialClass::Deadline);
    }

    /// Breaks.
    struct Broken;

    impl Authorizer for Broken {
        async fn authorize(&self, _: Arc<AuthorizationRequest>, _: Instant) -> Decision {
            panic!("broken")
        }
    }

    #[tokio::test]
    async fn an_authorizer_that_panics_is_a_named_deny() {
        let options = options();
        let deadline = Instant::now() + options.deadline;
        let decision = decide(&Broken, Arc::new(request()), deadline, &options).await;
        let Outcome::Deny(denial) = decision.outcome else {
            panic!("{decision:?}")
        };
        assert_eq!(denial.class, DenialClass::Internal);
    }

    #[tokio::test]
    async fn what_the_authorizer_permits_is_held_to_the_hosts_rules() {
        let options = options();
        let permit = Permit::builder("SYS", NOW).finish().unwrap();
        let authorizer = Fixed(Some(crate::fixtures::permit(permit)));
        let deadline = Instant::now() + options.deadline;
        let decision = decide(&authorizer, Arc::new(request()), deadline, &options).await;
        assert!(decision.policy.is_some(), "{decision:?}");
        let Outcome::Deny(denial) = decision.outcome else {
            panic!("`SYS` was permitted")
        };
        assert_eq!(denial.class, DenialClass::AccountNotAllowed);
    }
}
