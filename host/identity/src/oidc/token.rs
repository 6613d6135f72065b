//! The compact form of a signed token (RFC 7515, section 7.1), before anything of it is believed.

use data_encoding::BASE64URL_NOPAD;
use portcullis_core::Claims;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::shown;
use super::{TokenAlgorithm, TokenError};

/// The longest token that is read, in bytes. Those of providers with hundreds of groups have a few thousand.
pub(crate) const MAX_TOKEN_SIZE: usize = 16 * 1024;

/// The `alg` of NATS's own JWTs, of version 1 and 2. Their claims are held to other rules.
const NATS_ALGORITHMS: [&str; 2] = ["ed25519", "ed25519-nkey"];

/// A token in parts. Nothing of it is proved.
pub(crate) struct Token<'t> {
    pub(crate) algorithm: TokenAlgorithm,
    pub(crate) key: Option<String>,
    pub(crate) r#type: Option<String>,
    pub(crate) claims: Claims,
    /// What the signature is over.
    pub(crate) message: &'t str,
    /// In base64url.
    pub(crate) signature: &'t str,
}

/// What of a header counts. A name that comes twice is an error of the reader's (RFC 7515, section 4); the rest is ignored, as
/// are all the ways in which a token may bring its own key.
#[derive(Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says whether a name is there"
)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    b64: bool,
    #[serde(default, deserialize_with = "present")]
    zip: bool,
    #[serde(default, deserialize_with = "present")]
    enc: bool,
}

/// What a text is by its looks. Nothing of it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A signed token: three parts with dots between, of which the first is an object with `alg`.
    Signed,
    /// A token by its header, and for this reason none that the host can verify.
    Broken(&'static str),
    /// One of NATS's own JWTs, whose `alg` is another.
    Nats,
    /// Something else: a password, an opaque token.
    Other,
}

/// Whether a text has the shape of a signed token: three parts with dots between, of which the first is an object with `alg`. NATS's
/// own JWTs have another `alg` and are none.
pub fn looks_like_token(text: &str) -> bool {
    shape(text) == Shape::Signed
}

/// What `text` is by its looks.
pub(crate) fn shape(text: &str) -> Shape {
    if text.starts_with('{') && text.contains("\"eyJ") {
        return Shape::Broken("it is JSON with a token in it; present the token alone");
    }
    let bare = text.trim_matches(['"', '\'']);
    let mut parts = bare.split('.');
    let Some(algorithm) = parts.next().and_then(algorithm_of) else {
        return Shape::Other;
    };
    if NATS_ALGORITHMS.contains(&algorithm.as_str()) {
        return Shape::Nats;
    }
    let parts: Vec<&str> = parts.collect();
    let has_alphabet = |part: &&str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        part.bytes().all(is_letter)
    };
    if bare.len() < text.len() {
        return Shape::Broken("there are quotes around it");
    }
    if bare.contains(char::is_whitespace) {
        return Shape::Broken("there is white space inside it");
    }
    match parts.as_slice() {
        ["", _] => Shape::Broken("its claims are missing"),
        [_, _] if parts.iter().all(has_alphabet) => Shape::Signed,
        [_, _] => Shape::Broken("a part of it is not base64url"),
        [_, _, _, _] => Shape::Broken(
            "it has five parts, so it is encrypted (a JWE); have its issuer sign tokens and not encrypt them",
        ),
        _ => Shape::Broken("it does not have three parts; a part of it may be missing"),
    }
}

/// The `alg` of a header, if it is one. White space, padding and the standard alphabet of base64 do not hide it.
fn algorithm_of(header: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        alg: String,
    }
    // Every JSON object begins with one of these in base64: the brace, and a quotation mark or white space.
    if !header.starts_with("ey") && !header.starts_with("ew") {
        return None;
    }
    let as_it_should_be = BASE64URL_NOPAD.decode(header.as_bytes());
    let json = as_it_should_be.or_else(|_| {
        let letters = header.chars().filter(|letter| !letter.is_whitespace());
        let letters: String = letters.collect();
        let letters = letters
            .trim_end_matches('=')
            .replace('+', "-")
            .replace('/', "_");
        BASE64URL_NOPAD.decode(letters.as_bytes())
    });
    let named: Named = serde_json::from_slice(&json.ok()?).ok()?;
    Some(named.alg)
}

impl<'t> Token<'t> {
    /// Takes a token apart.
    pub(crate) fn parse(text: &'t str) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN_SIZE {
            return Err(TokenError::TooLarge {
                size: text.len(),
                limit: MAX_TOKEN_SIZE,
            });
        }
        let (header, payload, signature) =
            parts(text).ok_or(TokenError::Malformed("it does not have three parts"))?;
        let header: Header = serde_json::from_slice(&decoded(header)?)
            .map_err(|_| TokenError::Malformed("its header is not one"))?;
        let algorithm = header.algorithm()?;
        decoded(signature)?;
        let claims: Map<String, Value> = serde_json::from_slice(&decoded(payload)?)
            .map_err(|_| TokenError::Malformed("its claims are not an object"))?;
        let (message, _) = text.rsplit_once('.').unwrap_or_default();
        Ok(Self {
            algorithm,
            key: header.kid,
            r#type: header.typ,
            claims: Claims::new(claims),
            message,
            signature,
        })
    }
}

impl Header {
    /// The algorithm of a token that is signed as tokens are.
    fn algorithm(&self) -> Result<TokenAlgorithm, TokenError> {
        let unsupported = [
            ("crit", self.crit),
            ("b64", self.b64),
            ("zip", self.zip),
            ("enc", self.enc),
        ];
        if let Some((name, _)) = unsupported.into_iter().find(|(_, present)| *present) {
            return Err(TokenError::Unsupported(name));
        }
        let alg = self.alg.as_str();
        // Nobody means anything else by `NONE`, and some libraries once took it for that.
        if alg.eq_ignore_ascii_case("none") {
            return Err(TokenError::Unsigned);
        }
        if matches!(alg, "HS256" | "HS384" | "HS512") {
            return Err(TokenError::Symmetric(alg.to_owned()));
        }
        alg.parse()
            .map_err(|_| TokenError::UnknownAlgorithm(shown(alg)))
    }
}

fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let mut parts = text.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(signature), None) => Some((header, payload, signature)),
        _ => None,
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, TokenError> {
    BASE64URL_NOPAD
        .decode(part.as_bytes())
        .map_err(|_| TokenError::Malformed("a part of it is not base64url"))
}

/// Whatever there is, it is there.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[cfg(test)]
mod tests;
