//! JWTs of NATS: signed with nkeys, with the claims of a known kind under `nats`.

mod decode;
mod envelope;
mod first_version;
mod id;
mod sign;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::keys::KeyKind;
use crate::lenient::object_or_default;

pub use decode::Signatures;
pub use envelope::{Envelope, Fields};
pub use first_version::FirstVersion;
pub use sign::{SignError, Signer};

pub(crate) use decode::{Verifies, decode, decode_by};

/// Maximum size of a token, in bytes: the Go library's limit, and the default payload limit of a
/// server.
pub const MAX_TOKEN_SIZE: usize = 1024 * 1024;

/// Version of the claims that this crate writes, and the newest that it reads.
pub(crate) const VERSION: i64 = 2;

/// The claims of one JWT: the registered ones, and the body under `nats`. `Debug` shows no content.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "B: Deserialize<'de> + Default"))]
pub struct Claims<B> {
    /// Audience of the token.
    #[serde(rename = "aud", skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Expiry of the token, in seconds since the Unix epoch.
    #[serde(rename = "exp", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// Id of the token: a digest of the other registered claims.
    #[serde(rename = "jti", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Time of issue, in seconds since the Unix epoch.
    #[serde(rename = "iat", skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<u64>,
    /// Public key that signed the token.
    #[serde(rename = "iss", skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Name for humans.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Start of the validity, in seconds since the Unix epoch.
    #[serde(rename = "nbf", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// Subject of the token.
    #[serde(rename = "sub", skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Kind of the token in version 1.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) first_version_kind: Option<String>,
    /// Claims of this kind of token.
    #[serde(default, deserialize_with = "object_or_default")]
    pub nats: B,
}

/// The object under `nats` of a kind of token.
pub trait Body {
    /// Name of the kind: `nats.type`.
    const KIND: &'static str;
    /// Kinds of keys that may sign the token.
    const ISSUERS: &'static [KeyKind];
    /// Kind of the subject, which is checked before signing. `None` if it is not checked.
    const SUBJECT: Option<KeyKind> = None;
    /// Whether this kind has a version 1, so that the claims have to name their version.
    const HAS_FIRST_VERSION: bool = false;
    /// Whether any other kind may be read as this one. Version 1 is then recognised by the
    /// algorithm's name instead of the place of the kind.
    const ANY_KIND: bool = false;

    /// Returns `nats.type` unchanged.
    fn kind(&self) -> Option<&str>;
    /// Returns `nats.version` unchanged.
    fn version(&self) -> Option<i64>;

    /// Sets what the Go library sets before it signs: kind, version, order. Does nothing for kinds
    /// that are not signed here.
    fn stamp(&mut self) {}

    /// Moves fields from their place in version 1, and drops those that version 1 did not have.
    /// Does nothing for newer kinds.
    fn migrate(&mut self, _old: FirstVersion) {}
}

/// A reason why a token cannot be read or trusted. No message repeats what the token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The token is larger than [`MAX_TOKEN_SIZE`].
    #[error("the token is larger than {MAX_TOKEN_SIZE} bytes")]
    TooLarge,
    /// The token does not have the form `header.claims.signature`.
    #[error("not a JWT: expected three chunks separated by dots")]
    Chunks,
    /// A chunk is not base64url without padding.
    #[error("the token's {0} is not base64url without padding")]
    Base64(&'static str),
    /// The header is not `{"typ": …, "alg": …}`.
    #[error("the token's header is not the expected JSON")]
    Header,
    /// `typ` is not `JWT`.
    #[error("the token's header does not have the type JWT")]
    HeaderType,
    /// `alg` is not an algorithm of NATS.
    #[error("the token's algorithm is neither `ed25519-nkey` nor `ed25519`")]
    Algorithm,
    /// The claims are not JSON of the expected form.
    #[error("the token's claims are not the expected JSON, at line {line} column {column}")]
    Claims {
        /// Line of the error, from 1.
        line: usize,
        /// Column of the error, from 1.
        column: usize,
    },
    /// The claims nest more deeply than the Go library reads.
    #[error("the token's claims nest more than 10000 levels deep")]
    Nesting,
    /// The claims have a later version, or none.
    #[error("the token's claims have version {0}; known are versions up to {VERSION}")]
    Version(i64),
    /// The issuer is missing or not a public nkey.
    #[error("the token's issuer is not a public nkey")]
    Issuer,
    /// The signature is not the issuer's.
    #[error("the token's signature does not match its issuer")]
    Signature,
    /// The key that signed is of a kind that may not sign such tokens.
    #[error(
        "the token is signed by a key of the kind {found}, expected {}",
        one_of(expected)
    )]
    IssuerKind {
        /// Kinds of keys that may sign.
        expected: &'static [KeyKind],
        /// Kind of the key that signed.
        found: KeyKind,
    },
    /// The token is of another kind.
    #[error("the token is not of the type `{0}`")]
    Kind(&'static str),
}

impl<B> fmt::Debug for Claims<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Claims")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Returns the names of the kinds for use in a sentence.
fn one_of(kinds: &[KeyKind]) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    names.join(" or ")
}

#[cfg(test)]
pub(crate) mod tests;
