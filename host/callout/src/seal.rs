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
    /// The server would close the connection over it.
    #[error("the response has {size} bytes, the server takes {largest} (`max_payload`)")]
    TooLarge {
        /// What it has, in bytes.
        size: usize,
        /// What is possible, in bytes.
        largest: usize,
    },
}

/// Signs the response to `request` that `decision` comes to, at `now` (seconds since the Unix epoch), for a server that
/// takes messages of at most `largest` bytes.
pub(crate) fn seal(
    request: &AuthorizationRequest,
    decision: &Decision,
    issuer: &IssuerKey,
    now: u64,
    largest: usize,
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
    let size = response.len();
    if size > largest {
        return Err(SealError::TooLarge { size, largest });
    }
    Ok(response)
}

fn user_jwt(
    request: &AuthorizationRequest,
    permit: &Permit,
    policy: Option<&PolicyRef>,
    issuer: &IssuerKey,
    now: u64,
) -> Result<String, SignError> {
    let claims = UserClaims::from_permit(&request.user_nkey, permit, now);
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

#[cfg(test)]
mod tests {
    use portcullis_core::DenialClass;

    use super::*;
    use crate::fixtures::{NOW, options, permit, request};

    const LARGEST: usize = 1 << 20;

    fn opened(response: &str) -> (ResponseClaims, Option<UserClaims>) {
        let response = ResponseClaims::decode(response).unwrap();
        let user = response
            .nats
            .jwt()
            .map(|jwt| UserClaims::decode(jwt).unwrap());
        (response, user)
    }

    #[test]
    fn a_permit_becomes_a_user_jwt_that_names_the_policy() {
        let (options, request) = (options(), request());
        let mut builder = Permit::builder("APP", NOW);
        builder.publish_allow("alice.>");
        builder.expires_in(60);
        builder.tag("team:red");
        let decision = permit(builder.finish().unwrap());
        let response = seal(&request, &decision, &options.issuer, NOW + 1, LARGEST).unwrap();

        let (response, user) = opened(&response);
        let user = user.unwrap();
        let issuer = Some(options.issuer.public_key());
        assert_eq!(response.audience.as_ref(), Some(&request.server.id));
        assert_eq!(response.subject.as_ref(), Some(&request.user_nkey));
        assert_eq!(response.issuer.as_deref(), issuer);
        assert_eq!(user.subject.as_ref(), Some(&request.user_nkey));
        assert_eq!(user.issuer.as_deref(), issuer);
        assert_eq!(user.audience.as_deref(), Some("APP"));
        assert_eq!(
            user.name, None,
            "a name that no policy vouches for is not signed"
        );
        assert_eq!(
            (user.issued_at, user.expires_at),
            (Some(NOW + 1), Some(NOW + 60))
        );
        assert_eq!(user.nats.publish.allow, ["alice.>"]);
        assert_eq!(
            user.nats.subscribe.deny,
            [">"],
            "nothing allowed is everything denied"
        );
        let digest = format!("policy-digest:sha256:{}", "ab".repeat(32));
        assert_eq!(
            user.nats.tags,
            ["team:red", "policy:staff", &digest, "policy-generation:7"]
        );
    }

    #[test]
    fn a_refusal_carries_class_and_reason_and_no_jwt() {
        let (options, request) = (options(), request());
        let decision = Decision::deny(DenialClass::PolicyDenied, "wrong\npassword");
        let response = seal(&request, &decision, &options.issuer, NOW, LARGEST).unwrap();
        let (response, user) = opened(&response);
        assert!(user.is_none());
        assert_eq!(response.nats.error(), Some("policy-denied: wrong password"));
    }

    #[test]
    fn what_the_server_would_refuse_does_not_leave() {
        let (options, request) = (options(), request());
        let mut builder = Permit::builder("APP", NOW);
        builder.expires_in(60);
        let decision = permit(builder.finish().unwrap());
        // The permit was good when the request came; it is sealed too late.
        let error = seal(&request, &decision, &options.issuer, NOW + 61, LARGEST).unwrap_err();
        assert!(matches!(error, SealError::Preflight(_)), "{error}");
    }

    #[test]
    fn a_response_that_the_server_cannot_take_does_not_leave() {
        let (options, request) = (options(), request());
        let mut builder = Permit::builder("APP", NOW);
        for number in 0..100 {
            builder.publish_allow(&format!("subject.{number}"));
        }
        let decision = permit(builder.finish().unwrap());
        let error = seal(&request, &decision, &options.issuer, NOW, 1000).unwrap_err();
        assert!(matches!(error, SealError::TooLarge { .. }), "{error}");
    }
}
