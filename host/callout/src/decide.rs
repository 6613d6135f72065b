//! Decide: ask the authorizer, inside the deadline, and hold its permit to the host's own rules.

use std::sync::Arc;
use std::time::Instant;

use portcullis_core::{
    AuthorizationRequest, Authorizer, Decision, Denial, DenialClass, Outcome, Permit,
};

use crate::service::ServiceOptions;

/// What the host makes of a request.
pub(crate) async fn decide<A: Authorizer>(
    authorizer: &A,
    request: Arc<AuthorizationRequest>,
    deadline: Instant,
    options: &ServiceOptions,
) -> Decision {
    let received_at = request.received_at;
    let decision = authorizer.authorize(request, deadline);
    let Ok(decision) = tokio::time::timeout_at(deadline.into(), decision).await else {
        return Decision::deny(
            DenialClass::Deadline,
            "no decision within the request's deadline",
        );
    };
    let outcome = match decision.outcome {
        Outcome::Permit(permit) => enforce(permit, received_at, options),
        Outcome::Deny(denial) => Outcome::Deny(denial),
    };
    Decision {
        outcome,
        ..decision
    }
}

/// What the server would let pass, the host does not.
fn enforce(mut permit: Permit, received_at: u64, options: &ServiceOptions) -> Outcome {
    if !options.accounts.contains(&permit.account) {
        let reason = format!(
            "the permit places the login in account `{}`, which is not in `target-accounts`",
            permit.account
        );
        return Outcome::Deny(Denial::new(DenialClass::AccountNotAllowed, reason));
    }
    if let Some(longest) = options.max_expiry {
        let latest = received_at.saturating_add(longest.as_secs());
        permit.expires_at = Some(permit.expires_at.map_or(latest, |time| time.min(latest)));
    }
    Outcome::Permit(permit)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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

    async fn decided(permit: Permit, options: &ServiceOptions) -> Outcome {
        let authorizer = Fixed(Some(crate::fixtures::permit(permit)));
        let deadline = Instant::now() + options.deadline;
        decide(&authorizer, Arc::new(request()), deadline, options)
            .await
            .outcome
    }

    fn permit_for(account: &str, expires_in: Option<u64>) -> Permit {
        let mut builder = Permit::builder(account, NOW);
        if let Some(seconds) = expires_in {
            builder.expires_in(seconds);
        }
        builder.finish().unwrap()
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

    #[tokio::test]
    async fn accounts_that_are_not_listed_are_refused() {
        let options = options();
        for account in ["AUTH", "SYS", "$SYS", "app"] {
            let Outcome::Deny(denial) = decided(permit_for(account, None), &options).await else {
                panic!("`{account}` was permitted")
            };
            assert_eq!(denial.class, DenialClass::AccountNotAllowed);
            assert!(denial.reason.contains(account), "{denial}");
        }
    }

    #[tokio::test]
    async fn the_longest_expiry_caps_every_permit() {
        let mut options = options();
        options.max_expiry = Some(Duration::from_mins(1));
        for (asked, expected) in [(None, 60), (Some(3600), 60), (Some(30), 30)] {
            let Outcome::Permit(permit) = decided(permit_for("APP", asked), &options).await else {
                panic!("refused")
            };
            assert_eq!(
                permit.expires_at,
                Some(NOW + expected),
                "asked for {asked:?}"
            );
        }
    }
}
