//! Reasons why an activation is not stored.

use crate::error::StoreError;
use crate::validate::Findings;

/// Maximum size of an activation, in bytes. It names one subject.
pub(super) const MAX_SIZE: usize = 16 << 10;

/// A reason why an activation is not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotActivated {
    /// The text is no activation JWT, its signature does not match, or a field is missing.
    #[error("bad activation JWT in request")]
    Unreadable,
    /// No account of the store is the issuer.
    #[error("untrusted issuer in request: have an account of this operator sign the activation")]
    Untrusted,
    /// The import would be refused.
    #[error("the activation JWT has validation issues: {}", texts(.0))]
    Invalid(Findings),
    /// A later activation of this hash is stored.
    #[error("a later activation is stored; sign the activation again")]
    Older,
    /// The activation is too large.
    #[error("the activation JWT has {0} bytes; at most {MAX_SIZE} are stored")]
    TooLarge(usize),
    /// The store has as many activations as it may.
    #[error("{0} activations are stored, which is the most: have the operator delete some")]
    Full(usize),
    /// The store has as many activations of one account as it may.
    #[error(
        "the account `{account}` has {stored} activations stored, which is the most for one account: have the operator delete some"
    )]
    AccountFull {
        /// Account that signed the activation.
        account: String,
        /// Number of its activations in the store.
        stored: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn texts(findings: &Findings) -> String {
    let texts: Vec<_> = findings.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
