//! The answers to requests of accounts. The peer learns whether asking again makes sense, and the
//! operator learns the reason.

use portcullis_accounts::{NotSigned, StoreError};
use portcullis_connect::{Message, Nats};
use portcullis_core::{Blame, DenialClass, with_causes};
use tracing::warn;

/// The answer to a request that is not signed.
pub(super) const DENIED: &str = "denied";
/// The answer to a request that may be signed later.
pub(super) const NOT_DECIDED: &str = "not decided; try again later";

/// Sends an answer, if the request has a place for one.
pub(super) async fn reply<N: Nats>(nats: &N, message: &Message, answer: &str) {
    let Some(reply) = message.reply.clone() else {
        return;
    };
    if let Err(error) = nats.publish(reply, answer.to_owned().into()).await {
        warn!(
            error = with_causes(&error),
            "answer to the request of an account not sent"
        );
    }
}

/// Returns the class of the denial of a request that a policy permitted and that is not signed.
pub(super) const fn class_of(error: &NotSigned) -> DenialClass {
    match error {
        NotSigned::Older { .. } => DenialClass::IdentityRejected,
        NotSigned::Foreign | NotSigned::Taken(_) | NotSigned::Store(StoreError::Refused(_)) => {
            DenialClass::AccountNotAllowed
        }
        NotSigned::Ended => DenialClass::InvalidPermit,
        NotSigned::Broken => DenialClass::Internal,
        _ => DenialClass::AccountUnavailable,
    }
}

/// Returns the answer to a denied request.
pub(super) fn answer_to(class: DenialClass) -> &'static str {
    match class {
        DenialClass::Throttled => NOT_DECIDED,
        class if class.blame() == Some(Blame::Host) => NOT_DECIDED,
        _ => DENIED,
    }
}
