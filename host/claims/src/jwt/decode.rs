//! Decoding of tokens: size, form, signature, kind.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use zeroize::Zeroizing;

use super::sign::HEADER;
use super::{Body, Claims, MAX_TOKEN_SIZE, TokenError, VERSION};
use crate::keys::{KnownSigners, PublicKey, VerifyingKey as _};
use crate::lenient;

/// Algorithm of tokens of version 1.
const FIRST_ALGORITHM: &str = "ed25519";

/// Algorithm of later tokens.
const ALGORITHM: &str = "ed25519-nkey";

/// Maximum depth of lists and objects in claims: the limit of Go's `encoding/json`.
const MAX_DEPTH: usize = 10_000;

/// The treatment of signatures. Verification is most of the time that decoding takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// Signatures are verified.
    Verify,
    /// Signatures are not verified: the caller has just made the token and trusts its own
    /// signature.
    Trust,
}

#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
}

/// The chunks of a token, in base64url.
struct Chunks<'a> {
    header: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

/// A function that returns whether a key has signed a message.
pub(crate) type Verifies<'a> = &'a dyn Fn(&PublicKey, &[u8], &[u8]) -> bool;

/// A decoded token.
pub(crate) struct Decoded<B> {
    pub(crate) claims: Claims<B>,
    /// The issuer that the claims name.
    pub(crate) issuer: PublicKey,
    /// The claims' JSON as the token has it.
    pub(crate) text: Zeroizing<String>,
}

/// Decodes a token.
///
/// The signature proves only that the issuer made the token. The caller decides whether to trust
/// the issuer.
pub(crate) fn decode<B: Body + Default + DeserializeOwned>(
    token: &[u8],
    signatures: Signatures,
) -> Result<Decoded<B>, TokenError> {
    if token.len() > MAX_TOKEN_SIZE {
        return Err(TokenError::TooLarge);
    }
    match signatures {
        Signatures::Verify => decode_by(token, Some(&PublicKey::verifies)),
        Signatures::Trust => decode_by(token, None),
    }
}

/// Decodes a token as [`decode`] does, of any size, with signatures verified by `verifies`. `None`
/// skips the verification.
pub(crate) fn decode_by<B: Body + Default + DeserializeOwned>(
    token: &[u8],
    verifies: Option<Verifies<'_>>,
) -> Result<Decoded<B>, TokenError> {
    let chunks = Chunks::of(token)?;
    let names_first_algorithm = names_first_algorithm(chunks.header)?;
    let text = String::from_utf8(unbase64(chunks.payload, "claims")?)
        .map(Zeroizing::new)
        .map_err(|error| at_byte(error.utf8_error().valid_up_to()))?;
    if nests_too_deeply(&text) {
        return Err(TokenError::Nesting);
    }
    let mut claims: Claims<B> = object(&text)?;
    let version = version_of(&claims, names_first_algorithm);
    if version > VERSION {
        return Err(TokenError::Version(version));
    }
    let issuer: PublicKey = claims
        .issuer
        .as_deref()
        .and_then(|issuer| issuer.parse().ok())
        .ok_or(TokenError::Issuer)?;
    if let Some(verifies) = verifies {
        chunks.verify(token, version, &issuer, verifies)?;
    }
    check_kind(&claims, version, &issuer)?;
    if B::HAS_FIRST_VERSION {
        if version == 1 {
            let old = object(&text)?;
            claims.nats.migrate(old);
        }
        claims.first_version_kind = None;
    }
    Ok(Decoded {
        claims,
        issuer,
        text,
    })
}

impl<B: Body + Default + DeserializeOwned> Claims<B> {
    /// Decodes a token and verifies that its issuer signed it. The caller decides whether to trust
    /// the issuer, and checks the token's times.
    ///
    /// Unknown, missing and `null` fields are ignored. Claims of version 1 become equivalent claims
    /// of version 2, as in the Go library.
    ///
    /// # Errors
    ///
    /// Fails if the text is not a token of this kind, or if its signature does not match.
    pub fn decode(token: &str) -> Result<Self, TokenError> {
        decode(token.as_bytes(), Signatures::Verify).map(|decoded| decoded.claims)
    }

    /// Decodes a token as [`decode`](Self::decode) does. Takes less time for many tokens of few
    /// issuers, which `signers` caches.
    ///
    /// # Errors
    ///
    /// Fails as [`decode`](Self::decode) does.
    pub fn decode_from_known(token: &str, signers: &KnownSigners) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_SIZE {
            return Err(TokenError::TooLarge);
        }
        let verifies = |key: &PublicKey, message: &[u8], signature: &[u8]| {
            signers.verify(key, message, signature)
        };
        decode_by(token.as_bytes(), Some(&verifies)).map(|decoded| decoded.claims)
    }

    /// Decodes a token as [`decode`](Self::decode) does. Also returns the claims' JSON as the token
    /// has it, for fields that are unknown here. The text is wiped on drop.
    ///
    /// # Errors
    ///
    /// Fails as [`decode`](Self::decode) does.
    pub fn decode_with_json(token: &str) -> Result<(Self, Zeroizing<String>), TokenError> {
        decode(token.as_bytes(), Signatures::Verify).map(|decoded| (decoded.claims, decoded.text))
    }
}

impl<'a> Chunks<'a> {
    fn of(token: &'a [u8]) -> Result<Self, TokenError> {
        let is_dot = |byte: &u8| *byte == b'.';
        // From both ends, where the chunks are short: the long one is only searched for another
        // dot.
        let first = token.iter().position(is_dot).ok_or(TokenError::Chunks)?;
        let last = token.iter().rposition(is_dot).unwrap_or(first);
        let header = token.get(..first);
        // `None` if there is one dot only.
        let payload = token.get(first.saturating_add(1)..last);
        let signature = token.get(last.saturating_add(1)..);
        match (header, payload, signature) {
            (Some(header), Some(payload), Some(signature)) if !payload.contains(&b'.') => {
                Ok(Self {
                    header,
                    payload,
                    signature,
                })
            }
            _ => Err(TokenError::Chunks),
        }
    }

    fn verify(
        &self,
        token: &[u8],
        version: i64,
        issuer: &PublicKey,
        verifies: Verifies<'_>,
    ) -> Result<(), TokenError> {
        let signature = unbase64(self.signature, "signature")?;
        if verifies(issuer, self.signed_part(token, version), &signature) {
            Ok(())
        } else {
            Err(TokenError::Signature)
        }
    }

    /// Returns the part of the token that the signature covers. In version 1, that is the claims
    /// without the header.
    fn signed_part(&self, token: &'a [u8], version: i64) -> &'a [u8] {
        if version <= 1 {
            self.payload
        } else {
            let lengths = self.header.len().saturating_add(self.payload.len());
            token.get(..lengths.saturating_add(1)).unwrap_or_default()
        }
    }
}

/// Returns whether the header has the algorithm of version 1, in exactly that spelling.
fn names_first_algorithm(chunk: &[u8]) -> Result<bool, TokenError> {
    if chunk == HEADER.as_bytes() {
        // Nearly every token has this header.
        return Ok(false);
    }
    let json = unbase64(chunk, "header")?;
    let header: Header = serde_json::from_slice(&json).map_err(|_| TokenError::Header)?;
    if !header.typ.eq_ignore_ascii_case("JWT") {
        return Err(TokenError::HeaderType);
    }
    if !header.alg.eq_ignore_ascii_case(ALGORITHM)
        && !header.alg.eq_ignore_ascii_case(FIRST_ALGORITHM)
    {
        return Err(TokenError::Algorithm);
    }
    Ok(header.alg == FIRST_ALGORITHM)
}

/// Returns the version of the claims. The place of the kind distinguishes version 1 from later
/// ones. The algorithm's name does so only for bodies that accept any kind.
fn version_of<B: Body>(claims: &Claims<B>, names_first_algorithm: bool) -> i64 {
    let is_first = if B::ANY_KIND {
        names_first_algorithm
    } else {
        first_version_kind(claims).is_some()
    };
    if is_first {
        1
    } else if B::ANY_KIND {
        // The body's own version field may have any value that is not later.
        claims.nats.version().unwrap_or(VERSION).max(VERSION)
    } else {
        claims.nats.version().unwrap_or(0)
    }
}

fn check_kind<B: Body>(
    claims: &Claims<B>,
    version: i64,
    issuer: &PublicKey,
) -> Result<(), TokenError> {
    let kind = first_version_kind(claims).or_else(|| claims.nats.kind());
    if !B::ANY_KIND && kind != Some(B::KIND) {
        return Err(TokenError::Kind(B::KIND));
    }
    if version < 1 && B::HAS_FIRST_VERSION {
        return Err(TokenError::Version(version));
    }
    if !B::ISSUERS.contains(&issuer.kind()) {
        return Err(TokenError::IssuerKind {
            expected: B::ISSUERS,
            found: issuer.kind(),
        });
    }
    Ok(())
}

fn first_version_kind<B>(claims: &Claims<B>) -> Option<&str> {
    let kind = claims.first_version_kind.as_deref();
    kind.filter(|kind| !kind.is_empty())
}

/// Deserializes a structure from a JSON object only.
fn object<T: DeserializeOwned>(text: &str) -> Result<T, TokenError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    lenient::object(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| at(&error))
}

/// Returns whether lists and objects nest more deeply than the Go library reads. `serde_json` skips
/// unknown fields without a check of their depth.
fn nests_too_deeply(text: &str) -> bool {
    // Every level takes a bracket at either end.
    if text.len() <= 2 * MAX_DEPTH {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth = depth.saturating_add(1),
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

fn unbase64(chunk: &[u8], name: &'static str) -> Result<Vec<u8>, TokenError> {
    BASE64URL_NOPAD
        .decode(chunk)
        .map_err(|_| TokenError::Base64(name))
}

fn at(error: &serde_json::Error) -> TokenError {
    TokenError::Claims {
        line: error.line(),
        column: error.column(),
    }
}

const fn at_byte(valid: usize) -> TokenError {
    TokenError::Claims {
        line: 1,
        column: valid.saturating_add(1),
    }
}
