//! Open: from a message to a request that can be trusted.

use std::time::Duration;

use portcullis_claims::{OpenedRequest, RequestError};

use crate::service::ServiceOptions;

/// Why a request is not decided.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// It is not an authorization request of a server.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The server would not accept the answer.
    #[error(
        "the server expects issuer `{expected}`, this host signs as `{actual}`: compare `issuer` in the \
         server's auth_callout block with the seed in `issuer-seed-file`"
    )]
    Issuer {
        /// The server's.
        expected: String,
        /// Ours.
        actual: String,
    },
}

/// Decodes and verifies `payload`, received at `now` (seconds since the Unix epoch).
pub(crate) fn open(
    payload: &[u8],
    now: u64,
    options: &ServiceOptions,
) -> Result<OpenedRequest, OpenError> {
    let opened = OpenedRequest::open(payload, now, options.clock_skew)?;
    let actual = options.issuer.public_key();
    if opened.subject() == actual {
        Ok(opened)
    } else {
        Err(OpenError::Issuer {
            expected: opened.subject().to_owned(),
            actual: actual.to_owned(),
        })
    }
}

/// How long the server waits for an answer, by its own account; at most `most`.
pub(crate) fn budget(opened: &OpenedRequest, most: Duration) -> Duration {
    match (opened.issued_at(), opened.expires_at()) {
        (Some(issued_at), Some(expires_at)) => {
            // Both are cut to seconds: a server with a time-out of less than one says zero.
            let seconds = expires_at.saturating_sub(issued_at).max(1);
            most.min(Duration::from_secs(seconds))
        }
        _ => most,
    }
}
