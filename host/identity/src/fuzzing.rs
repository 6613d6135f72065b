//! What fuzz targets need and nobody else may have: the rules of tokens without a signature, which a fuzzer cannot make, and key sets
//! by themselves.

use portcullis_core::Claims;

use crate::oidc::{IssuerOptions, KeySet, KeyUse, Token, TokenError, rules};

/// What a token says that has been held to the rules of its issuer, whoever signed it.
#[derive(Debug)]
pub struct Judged {
    /// When it ends, in seconds since the Unix epoch.
    pub expires_at: u64,
    /// Whom it is about.
    pub principal: Option<String>,
    /// Its groups and roles.
    pub groups: Vec<String>,
    /// Everything it says.
    pub claims: Claims,
}

/// Takes a token apart and holds it to the rules of an issuer at `now`, in seconds since the Unix epoch.
///
/// # Errors
///
/// As [`TokenVerifier::verify`](crate::TokenVerifier::verify), but for the issuer and the signature.
pub fn judge(text: &str, options: &IssuerOptions, now: u64) -> Result<Judged, TokenError> {
    let token = Token::parse(text)?;
    let expires_at = rules::check(&token, options, now)?;
    Ok(Judged {
        expires_at,
        principal: rules::principal(&token.claims, &options.principal),
        groups: rules::groups(&token.claims, &options.groups),
        claims: token.claims,
    })
}

/// Reads a JWK set and verifies a token with it. How many keys there are, how many are of no use, and what came of the token; nothing
/// if it is no set, or no token.
pub fn verify(json: &[u8], text: &str) -> Option<(usize, usize, Result<(), TokenError>)> {
    let keys = KeySet::parse(json, KeyUse::Signatures).ok()?;
    let token = Token::parse(text).ok()?;
    let verified = keys.verify(&token, "idp");
    Some((keys.len(), keys.ignored.len(), verified))
}
