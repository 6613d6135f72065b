//! The proofs that workloads present.

/// The prefix of the issuers of JWT-SVIDs, which are trust domains.
pub(crate) const TRUST_DOMAIN: &str = "spiffe://";

/// The proof that a login has presented.
pub(crate) enum Proof {
    /// A certificate that the server has verified.
    Certificate,
    /// A token of this issuer, which the host has verified.
    Token { issuer: String },
}
