//! The certificate, compared with the identity and the time.

use portcullis_core::{Certificate, Identity, Method};

use super::skew::SKEW;

/// A certificate that contradicts the identity or the time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// A verified certificate alone, with another method.
    #[error(
        "a client with a verified certificate and nothing else has the method `certificate`: correct `method`, or leave \
         `identity` out"
    )]
    Method,
    /// A principal that is not the certificate's name.
    #[error(
        "the principal of a certificate is its `spiffe-id`, else its `subject`: write the same in `principal` and \
         `login.certificate`"
    )]
    Principal,
    /// An issuer that is not the certificate's.
    #[error(
        "the issuer is that of the certificate: write the same in `identity.issuer` and `certificate.issuer`"
    )]
    Issuer,
    /// A SPIFFE id that is not the only URI.
    #[error(
        "a SPIFFE id is the only URI of its certificate: write it in `uri-names` too, or leave `uri-names` out"
    )]
    SpiffeId,
    /// A certificate that is not valid yet.
    #[error(
        "the server verified the certificate, which begins after the `now` of the login, {now}"
    )]
    NotBefore {
        /// The time of the login.
        now: u64,
    },
    /// A certificate that is not valid any longer.
    #[error(
        "the server verified the certificate, which ended before the `now` of the login, {now}"
    )]
    NotAfter {
        /// The time of the login.
        now: u64,
    },
    /// A login that outlasts its certificate.
    #[error(
        "the host ends a login with its certificate: write `expires-at = {end}`, or an earlier time"
    )]
    Expiry {
        /// The end of the certificate.
        end: u64,
    },
}

impl CertificateProblem {
    /// Returns the path of the value at fault, below `login`.
    pub(super) const fn place(&self) -> &'static [&'static str] {
        match self {
            Self::Method => &["identity", "method"],
            Self::Principal => &["identity", "principal"],
            Self::Issuer => &["identity", "issuer"],
            Self::SpiffeId => &["certificate", "spiffe-id"],
            Self::NotBefore { .. } => &["certificate", "not-before"],
            Self::NotAfter { .. } => &["certificate", "not-after"],
            Self::Expiry { .. } => &["identity", "expires-at"],
        }
    }
}

/// Checks the certificate. A test leaves out the facts that its policy does not ask for: a time of
/// 0 is none.
pub(super) fn check(identity: &Identity, now: u64) -> Result<(), CertificateProblem> {
    let Some(leaf) = &identity.certificate else {
        return Ok(());
    };
    let is_other_uri = leaf
        .uri_names
        .iter()
        .any(|uri| Some(uri) != leaf.spiffe_id.as_ref());
    if leaf.spiffe_id.is_some() && is_other_uri {
        return Err(CertificateProblem::SpiffeId);
    }
    if !leaf.verified {
        return Ok(());
    }
    match identity.method {
        Method::None => return Err(CertificateProblem::Method),
        Method::Certificate => check_names(identity, leaf)?,
        _ => {}
    }
    if leaf.not_before > now.saturating_add(SKEW) {
        return Err(CertificateProblem::NotBefore { now });
    }
    if leaf.not_after == 0 {
        return Ok(());
    }
    if leaf.not_after.saturating_add(SKEW) < now {
        return Err(CertificateProblem::NotAfter { now });
    }
    let end = leaf.not_after;
    if identity.expires_at.is_none_or(|expiry| expiry > end) {
        return Err(CertificateProblem::Expiry { end });
    }
    Ok(())
}

/// Checks the names of an identity that is the certificate's.
fn check_names(identity: &Identity, leaf: &Certificate) -> Result<(), CertificateProblem> {
    let name = leaf.spiffe_id.as_ref().unwrap_or(&leaf.subject);
    if identity
        .principal
        .as_ref()
        .is_some_and(|principal| principal != name)
    {
        return Err(CertificateProblem::Principal);
    }
    if identity
        .issuer
        .as_ref()
        .is_some_and(|issuer| *issuer != leaf.issuer)
    {
        return Err(CertificateProblem::Issuer);
    }
    Ok(())
}
