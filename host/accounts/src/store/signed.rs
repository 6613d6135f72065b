//! Signed claims.

use portcullis_claims::{Body, Claims, SigningKey};
use serde::Serialize;

use crate::error::StoreError;
use crate::validate::{Findings, Validate};

/// A signed JWT that the store has written.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The JWT itself.
    pub token: String,
    /// Doubts about the claims, for which servers do not refuse them.
    pub findings: Findings,
}

/// Validates claims and signs them.
pub(super) fn sign<B: Body + Serialize>(
    claims: Claims<B>,
    signer: &SigningKey,
    now: u64,
) -> Result<Signed, StoreError>
where
    Claims<B>: Validate,
{
    // The library judges some claims by their issuer.
    let mut issued = claims;
    issued.issuer = Some(signer.public_key().to_owned());
    let findings = issued.validate(now);
    if findings.is_refused() {
        return Err(StoreError::Refused(findings));
    }
    let token = issued.sign(signer)?;
    Ok(Signed { token, findings })
}
