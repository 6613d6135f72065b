//! Identify: verifies the client's credentials, inside the deadline.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures::FutureExt;
use portcullis_core::{AuthorizationRequest, Denial, DenialClass, Identity};
use portcullis_identity::Identifier;

/// Returns the identity that the credentials prove, or a denial.
pub(crate) async fn identify(
    identifier: &Identifier,
    request: &AuthorizationRequest,
    deadline: Instant,
) -> Result<Identity, Denial> {
    // The front door has verified the account's signature, and nothing else proves anything.
    if request.client.is_account_request() {
        return Ok(request.identity.clone());
    }
    // Many libraries parse what clients send, so a panic in one results in a denial.
    let identity = AssertUnwindSafe(identifier.identify(request, deadline)).catch_unwind();
    match tokio::time::timeout_at(deadline.into(), identity).await {
        Ok(Ok(identity)) => identity,
        Ok(Err(_)) => Err(Denial::new(
            DenialClass::Internal,
            "what the client presented broke the host",
        )),
        Err(_) => Err(Denial::new(
            DenialClass::IdentityUnavailable,
            "what the client presented was not verified within the request's deadline",
        )),
    }
}
