//! Identities that a login can have: those that the host's identifier makes
//! (`docs/reference/identity.md`).
//!
//! A policy test with another identity tests a login that never occurs.

use portcullis_core::{Identity, Method, Strength};

/// The reason why no login has an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
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
}

/// Returns whether a login can have this identity.
pub(crate) fn is_possible(identity: &Identity) -> bool {
    check(identity).is_ok()
}

/// Checks that a login can have this identity.
pub(super) fn check(identity: &Identity) -> Result<(), Impossible> {
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

const fn require(holds: bool, problem: Impossible) -> Result<(), Impossible> {
    if holds { Ok(()) } else { Err(problem) }
}
