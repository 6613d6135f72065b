//! Seal: from a decision to a signed response that the server will accept.

use portcullis_claims::{
    Answer, Expectations, IssuerKey, Refusal, ResponseClaims, SignError, Signatures, UserClaims,
    preflight,
};
use portcullis_core::{AuthorizationRequest, Decision, Outcome, Permit, PolicyRef};

/// A response could not be made. A fault of the host.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// Signing failed.
    #[error("cannot sign the response")]
    Sign(#[from] SignError),
    /// The server would refuse it.
    #[error("the server would refuse the response")]
    Preflight(#[from] Refusal),
}

/// Signs the response to `request` that `decision` comes to, at `now` (seconds since the Unix epoch).
pub(crate) fn seal(
    request: &AuthorizationRequest,
    decision: &Decision,
    issuer: &IssuerKey,
    now: u64,
) -> Result<String, SealError> {
    let answer = match &decision.outcome {
        Outcome::Permit(permit) => Answer::Jwt(user_jwt(
            request,
            permit,
            decision.policy.as_ref(),
            issuer,
            now,
        )?),
        Outcome::Deny(denial) => Answer::Error(denial.to_string()),
    };
    let response =
        ResponseClaims::new(&request.user_nkey, &request.server.id, answer, now).sign(issuer)?;
    let expectations = Expectations {
        user_nkey: &request.user_nkey,
        server_id: &request.server.id,
        issuer: issuer.public_key(),
        now,
    };
    preflight(&response, expectations, Signatures::Trust)?;
    Ok(response)
}

fn user_jwt(
    request: &AuthorizationRequest,
    permit: &Permit,
    policy: Option<&PolicyRef>,
    issuer: &IssuerKey,
    now: u64,
) -> Result<String, SignError> {
    let mut claims = UserClaims::from_permit(&request.user_nkey, permit, now);
    if claims.name.is_none() {
        // Without a name the server shows `[REDACTED]` for token logins, and nothing tells them apart.
        claims.name.clone_from(&request.credentials.username);
    }
    claims
        .with_tags(policy.into_iter().flat_map(provenance))
        .sign(issuer)
}

/// Tags that lead from a connection to the bytes that let it in.
fn provenance(policy: &PolicyRef) -> [String; 3] {
    [
        format!("policy:{}", policy.name),
        format!("policy-digest:{}", policy.digest),
        format!("policy-generation:{}", policy.generation),
    ]
}
