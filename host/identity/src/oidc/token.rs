//! Compact form of a signed token (RFC 7515, section 7.1), before any verification.

use data_encoding::BASE64URL_NOPAD;
use portcullis_core::Claims;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::shown;
use super::{TokenAlgorithm, TokenError};

/// Maximum length of a token, in bytes. Tokens with hundreds of groups have a few thousand.
pub(crate) const MAX_TOKEN_SIZE: usize = 16 * 1024;

/// Mark that some editors write at the start of a file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The `alg` of NATS's own JWTs, versions 1 and 2. Other rules apply to them.
const NATS_ALGORITHMS: [&str; 2] = ["ed25519", "ed25519-nkey"];

/// A parsed token, unverified.
pub(crate) struct Token<'t> {
    pub(crate) algorithm: TokenAlgorithm,
    pub(crate) key: Option<String>,
    pub(crate) r#type: Option<String>,
    pub(crate) claims: Claims,
    /// Text that the signature covers.
    pub(crate) message: &'t str,
    /// Signature in base64url.
    pub(crate) signature: &'t str,
}

/// The relevant fields of a header. Repeated names are a parse error (RFC 7515, section 4). All
/// other fields are ignored, including those in which a token brings its own key.
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

/// The form of a text. The form proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A signed token: three parts separated by dots, the first of which is an object with `alg`.
    Signed,
    /// A token by its header that the host cannot verify, for this reason.
    Broken(&'static str),
    /// One of NATS's own JWTs, whose `alg` differs.
    Nats,
    /// Any other text: a password, an opaque token.
    Other,
}

/// Returns whether a text has the form of a signed token: three parts separated by dots, the first
/// of which is an object with `alg`. Returns `false` for NATS's own JWTs, whose `alg` differs.
pub fn looks_like_token(text: &str) -> bool {
    shape(text) == Shape::Signed
}

/// Returns the form of `text`.
pub(crate) fn shape(text: &str) -> Shape {
    if text.starts_with('{') && text.contains("\"eyJ") {
        return Shape::Broken("it is JSON with a token in it; present the token alone");
    }
    let unmarked = text.trim_start_matches(BYTE_ORDER_MARK);
    let bare = unmarked.trim_matches(['"', '\'']);
    let mut parts = bare.split('.');
    let header = parts.next().unwrap_or_default();
    let Some(algorithm) = algorithm_of(header) else {
        return Shape::Other;
    };
    if NATS_ALGORITHMS.contains(&algorithm.as_str()) {
        return Shape::Nats;
    }
    if unmarked.len() < text.len() {
        return Shape::Broken("there is a byte order mark before it");
    }
    if bare.len() < text.len() {
        return Shape::Broken("there are quotes around it");
    }
    let parts: Vec<&str> = parts.collect();
    match parts.as_slice() {
        // First, because nearly every token is one, and the letters rule out white space.
        [payload, signature]
            if !payload.is_empty()
                && !header.contains(char::is_whitespace)
                && is_base64url(payload)
                && is_base64url(signature) =>
        {
            Shape::Signed
        }
        _ if bare.contains(char::is_whitespace) => Shape::Broken("there is white space inside it"),
        ["", _] => Shape::Broken("its claims are missing"),
        [_, _] => Shape::Broken("a part of it is not base64url"),
        [_, _, _, _] => Shape::Broken(
            "it has five parts, so it is encrypted (a JWE); have its issuer sign tokens and not encrypt them",
        ),
        _ => Shape::Broken("it does not have three parts; a part of it may be missing"),
    }
}

/// Returns whether a part has no other letters than those of base64url.
fn is_base64url(part: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    // Without an early end, the compiler looks at many bytes with one instruction.
    part.bytes().fold(true, |all, byte| all & is_letter(byte))
}

/// Returns the `alg` of a header. `None` if the text is not a header. Accepts white space, padding
/// and the standard alphabet of base64.
fn algorithm_of(header: &str) -> Option<String> {
    // In base64, every JSON object begins with one of these: the brace, and a quotation mark or
    // white space.
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
    // A map accepts repeated names, which make a header malformed but do not hide that it is one.
    let mut header: Map<String, Value> = serde_json::from_slice(&json.ok()?).ok()?;
    match header.remove("alg")? {
        Value::String(algorithm) => Some(algorithm),
        _ => None,
    }
}

impl<'t> Token<'t> {
    /// Parses a token.
    pub(crate) fn parse(text: &'t str) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN_SIZE {
            return Err(TokenError::TooLarge {
                size: text.len(),
                limit: MAX_TOKEN_SIZE,
            });
        }
        let (header, payload, signature) =
            parts(text).ok_or(TokenError::Malformed("it does not have three parts"))?;
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| {
            TokenError::Malformed("its header is not an object with one `alg`, or repeats a name")
        })?;
        let algorithm = header.algorithm()?;
        decoded(signature)?;
        let claims: Map<String, Value> = serde_json::from_slice(&decoded(payload)?)
            .map_err(|error| TokenError::Malformed(problem_of_claims(&error)))?;
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
    /// Returns the algorithm of an ordinary signed token.
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
        // Any spelling of `NONE` means the same, and some libraries accepted one by mistake.
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

fn problem_of_claims(error: &serde_json::Error) -> &'static str {
    if error.is_data() {
        return "its claims are not an object";
    }
    "its claims are not JSON in UTF-8, or are nested more than 127 levels deep"
}

fn decoded(part: &str) -> Result<Vec<u8>, TokenError> {
    BASE64URL_NOPAD
        .decode(part.as_bytes())
        .map_err(|_| TokenError::Malformed("a part of it is not base64url"))
}

/// Returns `true` for a present field of any value.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[cfg(test)]
mod tests;
