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
