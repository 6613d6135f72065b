//! Reading tokens: size, form, signature, kind.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{Body, Claims, MAX_TOKEN_SIZE, TokenError, VERSION};
use crate::keys::PublicKey;

/// Whether signatures are verified, which is most of the time a token costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// Verify them.
    Verify,
    /// The caller has just made the token and trusts its own signature.
    Trust,
}

#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
}

/// The claims of a token, and their JSON as it stands in it.
///
/// The signature says only that the issuer made the token; whether the issuer is trusted is up to the caller.
pub(crate) fn decode<B: Body + Default + DeserializeOwned>(
    token: &[u8],
    signatures: Signatures,
) -> Result<(Claims<B>, Zeroizing<String>), TokenError> {
    if token.len() > MAX_TOKEN_SIZE {
        return Err(TokenError::TooLarge);
    }
    let mut chunks = token.split(|byte| *byte == b'.');
    let (Some(header), Some(payload), Some(signature), None) =
        (chunks.next(), chunks.next(), chunks.next(), chunks.next())
    else {
        return Err(TokenError::Chunks);
    };
    check_header(header)?;
    let text = String::from_utf8(unbase64(payload, "claims")?)
        .map(Zeroizing::new)
        .map_err(|error| at_byte(error.utf8_error().valid_up_to()))?;
    let claims: Claims<B> = serde_json::from_str(&text).map_err(|error| TokenError::Claims {
        line: error.line(),
        column: error.column(),
    })?;
    let version = version_of(&claims);
    if version > VERSION {
        return Err(TokenError::Version(version));
    }
    let issuer: PublicKey = claims
        .issuer
        .as_deref()
        .and_then(|issuer| issuer.parse().ok())
        .ok_or(TokenError::Issuer)?;
    if signatures == Signatures::Verify {
        let signature = unbase64(signature, "signature")?;
        let signed = signed_part(token, payload, signature_start(header, payload), version);
        if !issuer.verifies(signed, &signature) {
            return Err(TokenError::Signature);
        }
    }
    if kind_of(&claims) != Some(B::KIND) {
        return Err(TokenError::Kind(B::KIND));
    }
    if issuer.kind() != B::ISSUER {
        return Err(TokenError::IssuerKind {
            expected: B::ISSUER,
            found: issuer.kind(),
        });
    }
    Ok((claims, text))
}

impl<B: Body + Default + DeserializeOwned> Claims<B> {
    /// Reads a token and verifies that its issuer signed it. Whether the issuer is to be trusted is another
    /// question, and so are the token's times.
    ///
    /// # Errors
    ///
    /// When it is not a token of this kind, or its signature does not match.
    pub fn decode(token: &str) -> Result<Self, TokenError> {
        decode(token.as_bytes(), Signatures::Verify).map(|(claims, _)| claims)
    }
}

fn check_header(chunk: &[u8]) -> Result<(), TokenError> {
    let json = unbase64(chunk, "header")?;
    let header: Header = serde_json::from_slice(&json).map_err(|_| TokenError::Header)?;
    if !header.typ.eq_ignore_ascii_case("JWT") {
        return Err(TokenError::HeaderType);
    }
    let known = ["ed25519-nkey", "ed25519"];
    if !known
        .iter()
        .any(|name| header.alg.eq_ignore_ascii_case(name))
    {
        return Err(TokenError::Algorithm);
    }
    Ok(())
}

/// Where the kind stands tells version 1 from later ones; the algorithm's name does not.
fn version_of<B: Body>(claims: &Claims<B>) -> i64 {
    match claims.first_version_kind.as_deref() {
        Some(kind) if !kind.is_empty() => 1,
        _ => claims.nats.version().unwrap_or(0),
    }
}

fn kind_of<B: Body>(claims: &Claims<B>) -> Option<&str> {
    match claims.first_version_kind.as_deref() {
        Some(kind) if !kind.is_empty() => Some(kind),
        _ => claims.nats.kind(),
    }
}

const fn signature_start(header: &[u8], payload: &[u8]) -> usize {
    header.len().saturating_add(payload.len()).saturating_add(1)
}

/// Version 1 signed the claims without the header.
fn signed_part<'a>(token: &'a [u8], payload: &'a [u8], end: usize, version: i64) -> &'a [u8] {
    if version <= 1 {
        payload
    } else {
        token.get(..end).unwrap_or_default()
    }
}

fn unbase64(chunk: &[u8], name: &'static str) -> Result<Vec<u8>, TokenError> {
    BASE64URL_NOPAD
        .decode(chunk)
        .map_err(|_| TokenError::Base64(name))
}

const fn at_byte(valid: usize) -> TokenError {
    TokenError::Claims {
        line: 1,
        column: valid.saturating_add(1),
    }
}
