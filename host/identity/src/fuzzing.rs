//! Functions for fuzz targets only: the rules of tokens without a signature, which a fuzzer cannot
//! make, and key sets alone.

use portcullis_core::Claims;

use crate::oidc::{IssuerOptions, KeySet, KeyUse, Token, TokenError, rules};

/// The content of a token that fulfils the rules of its issuer, with any signature.
#[derive(Debug)]
pub struct Judged {
    /// Expiry, in seconds since the Unix epoch.
    pub expires_at: u64,
    /// Principal of the token.
    pub principal: Option<String>,
    /// Groups and roles of the token.
    pub groups: Vec<String>,
    /// All claims of the token.
    pub claims: Claims,
}

/// Parses a token and checks it against the rules of an issuer at `now`, in seconds since the Unix
/// epoch.
///
/// # Errors
///
/// Fails as [`TokenVerifier::verify`](crate::TokenVerifier::verify) does, except for the issuer and
/// the signature.
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

/// Parses a JWK set and verifies a token with it. Returns the number of keys, the number of ignored
/// keys, and the result. `None` if `json` is not a set or `text` not a token.
pub fn verify(json: &[u8], text: &str) -> Option<(usize, usize, Result<(), TokenError>)> {
    let keys = KeySet::parse(json, KeyUse::Signatures).ok()?;
    let token = Token::parse(text).ok()?;
    let verified = keys.verify(&token, "idp");
    Some((keys.len(), keys.ignored.len(), verified))
}
