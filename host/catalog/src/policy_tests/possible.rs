//! Logins that a client can make: those whose identity the host's identifier makes of what a client
//! presents (`docs/reference/identity.md`).
//!
//! A policy test with another login tests one that never occurs.

mod certificate;
mod connection;
mod presented;
mod skew;
#[cfg(test)]
mod tests;
mod token;

use portcullis_core::{AuthorizationRequest, Identity, Method, Strength};

pub use certificate::CertificateProblem;
pub use connection::ConnectionProblem;
pub use presented::PresentedProblem;
pub use token::{TimeClaim, TokenProblem};

/// The reason why no client can make a login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Impossible {
    /// A token that the host has not verified.
    #[error("the host takes a token only if it has verified it: add `proved = true`")]
    UnprovedToken,
    /// A token without an issuer.
    #[error("a verified token has an issuer: add `issuer = \"https://…\"`")]
    TokenWithoutIssuer,
    /// The method `certificate` without a verified certificate.
    #[error(
        "the method `certificate` needs `proved = true`, and `certificate = {{ verified = true, … }}` beside the identity"
    )]
    UnverifiedCertificate,
    /// A proved user JWT without a proof.
    #[error(
        "a user JWT is proved by the account that issued it or by the client's nkey: add `issuer` or `nkey`"
    )]
    JwtWithoutProof,
    /// An unproved user JWT with a proved nkey.
    #[error("a user JWT whose nkey the client has shown to hold is proved: add `proved = true`")]
    UnprovedJwt,
    /// A proved nkey that is not named, or the reverse.
    #[error(
        "an nkey is proved by the client's signature: set both `proved = true` and `nkey`, or neither"
    )]
    HalfProvedNkey,
    /// A proof with a method that proves nothing.
    #[error(
        "nothing is proved with the method `{method}`: leave `proved` out",
        method = .0.as_str()
    )]
    Proved(Method),
    /// An issuer of an unproved identity.
    #[error("an unproved identity has no issuer: leave `issuer` out, or add `proved = true`")]
    IssuerWithoutProof,
    /// Claims without a token.
    #[error(
        "`claims` come from a verified token (`oidc`) or from a user JWT (`jwt`) with its `issuer`, not with `{method}`",
        method = .0.as_str()
    )]
    Claims(Method),
    /// Groups without a token of an identity provider.
    #[error(
        "`groups` come from a verified token (`oidc`), not with `{method}`",
        method = .0.as_str()
    )]
    Groups(Method),
    /// Tags or a role without a user JWT of a trusted account.
    #[error(
        "`tags` and `role` come from a user JWT (`jwt`) with its `issuer`, not with `{method}`",
        method = .0.as_str()
    )]
    TagsOrRole(Method),
    /// An end of an identity that does not end.
    #[error(
        "only a token, a trusted user JWT or a verified certificate ends: leave `expires-at` out"
    )]
    Expiry,
    /// The credentials have another method.
    #[error(transparent)]
    Presented(#[from] PresentedProblem),
    /// A fact of the connection that contradicts another one.
    #[error(transparent)]
    Connection(#[from] ConnectionProblem),
    /// A certificate that contradicts the identity or the time.
    #[error(transparent)]
    Certificate(#[from] CertificateProblem),
    /// Claims that contradict the identity or the time.
    #[error(transparent)]
    Token(#[from] TokenProblem),
}

impl Impossible {
    /// Returns the path of the value at fault, below `login`.
    pub(super) const fn place(&self) -> &'static [&'static str] {
        match self {
            Self::Presented(problem) => problem.place(),
            Self::Connection(problem) => problem.place(),
            Self::Certificate(problem) => problem.place(),
            Self::Token(problem) => problem.place(),
            _ => &["identity"],
        }
    }
}

/// Returns whether a client can make this login.
pub(crate) fn is_possible(request: &AuthorizationRequest) -> bool {
    check(request).is_ok()
}

/// Checks that a client can make this login.
pub(super) fn check(request: &AuthorizationRequest) -> Result<(), Impossible> {
    check_proof(&request.identity)?;
    presented::check(&request.credentials, &request.identity)?;
    connection::check(&request.client, &request.identity)?;
    certificate::check(&request.identity, request.received_at)?;
    token::check(&request.identity, request.received_at)?;
    Ok(())
}

/// Checks that the method proves what the identity says.
fn check_proof(identity: &Identity) -> Result<(), Impossible> {
    let proved = identity.strength == Strength::Proved;
    let (has_issuer, has_nkey) = (identity.issuer.is_some(), identity.nkey.is_some());
    match identity.method {
        Method::Oidc => {
            require(proved, Impossible::UnprovedToken)?;
            require(has_issuer, Impossible::TokenWithoutIssuer)?;
        }
        Method::Certificate => require(
            proved && has_verified_certificate(identity),
            Impossible::UnverifiedCertificate,
        )?,
        Method::Jwt => {
            let has_proof = has_issuer || has_nkey;
            require(!proved || has_proof, Impossible::JwtWithoutProof)?;
            require(proved || !has_nkey, Impossible::UnprovedJwt)?;
        }
        Method::Nkey => require(proved == has_nkey, Impossible::HalfProvedNkey)?,
        method @ (Method::Password | Method::Token | Method::None) => {
            require(!proved, Impossible::Proved(method))?;
        }
    }
    check_claimed(identity, proved)
}

/// Checks the fields that only a proof by some method can set.
fn check_claimed(identity: &Identity, proved: bool) -> Result<(), Impossible> {
    let method = identity.method;
    let by_jwt = method == Method::Jwt && identity.issuer.is_some();
    let by_token = method == Method::Oidc;
    let has_end = by_jwt || by_token || has_verified_certificate(identity);
    require(
        proved || identity.issuer.is_none(),
        Impossible::IssuerWithoutProof,
    )?;
    require(
        by_jwt || by_token || identity.claims.is_empty(),
        Impossible::Claims(method),
    )?;
    require(
        by_token || identity.groups.is_empty(),
        Impossible::Groups(method),
    )?;
    require(
        by_jwt || (identity.tags.is_empty() && identity.role.is_none()),
        Impossible::TagsOrRole(method),
    )?;
    require(has_end || identity.expires_at.is_none(), Impossible::Expiry)
}

fn has_verified_certificate(identity: &Identity) -> bool {
    let leaf = identity.certificate.as_ref();
    leaf.is_some_and(|leaf| leaf.verified)
}

fn require(holds: bool, problem: Impossible) -> Result<(), Impossible> {
    if holds { Ok(()) } else { Err(problem) }
}
