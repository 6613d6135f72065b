//! Seal: from a decision to a signed response that the server will accept.

use bytes::Bytes;
use portcullis_authority::ResponseError;
use portcullis_claims::BoxError;
use portcullis_core::{AuthorizationRequest, Decision, DenialClass};

use crate::keys::{ResponseKeys, Sealing};

/// The reason for which the host cannot seal a response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// The host cannot make the response.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// The response exceeds the server's limit, and the server would close the connection.
    #[error("the response has {size} bytes, the server takes {largest} (`max_payload`)")]
    TooLarge {
        /// The size of the response, in bytes.
        size: usize,
        /// The server's limit (`max_payload`), in bytes.
        largest: usize,
    },
    /// The host cannot encrypt the response.
    #[error("cannot encrypt the response")]
    Box(#[from] BoxError),
}

/// The recipient of a response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipient {
    /// The current time, in seconds since the Unix epoch.
    pub(crate) now: u64,
    /// The maximum size of a message that the server takes, in bytes.
    pub(crate) largest: usize,
}

impl SealError {
    /// Returns the class of the denial.
    pub(crate) const fn class(&self) -> DenialClass {
        match self {
            Self::Response(error) => error.class(),
            _ => DenialClass::InvalidResponse,
        }
    }
}

/// Signs the response to `request` for `decision` with the keys that its server expects. Encrypts
/// the response if the request was encrypted.
pub(crate) fn seal(
    request: &AuthorizationRequest,
    decision: &Decision,
    keys: &ResponseKeys,
    to: Recipient,
) -> Result<Bytes, SealError> {
    let response = keys.issuers.response_to(request, decision, to.now)?;
    let response = match &keys.sealing {
        None => response.into(),
        Some(Sealing { own, server }) => Bytes::from(own.seal(response.as_bytes(), server)?),
    };
    let (size, largest) = (response.len(), to.largest);
    if size > largest {
        return Err(SealError::TooLarge { size, largest });
    }
    Ok(response)
}

#[cfg(test)]
mod tests;
