//! JWTs as NATS writes them: signed with nkeys, claims of a known kind under `nats`.

mod decode;
mod id;
mod sign;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::keys::KeyKind;
use crate::lenient::object_or_default;

pub use decode::{FirstVersion, Signatures};
pub use sign::{SignError, Signer};

pub(crate) use decode::{Verifies, decode, decode_by};

/// The longest token, in bytes: the Go library's limit, and the default payload limit of a server.
pub const MAX_TOKEN_SIZE: usize = 1024 * 1024;

/// The version of the claims this crate writes and the newest it reads.
pub(crate) const VERSION: i64 = 2;

/// The claims of one JWT: the registered ones, and what is under `nats`. `Debug` shows no content.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "B: Deserialize<'de> + Default"))]
pub struct Claims<B> {
    /// For whom the token is meant.
    #[serde(rename = "aud", skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// When it ends, in seconds since the Unix epoch.
    #[serde(rename = "exp", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// The token's id: a digest of the other registered claims.
    #[serde(rename = "jti", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it was made, in seconds since the Unix epoch.
    #[serde(rename = "iat", skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<u64>,
    /// The public key that signed it.
    #[serde(rename = "iss", skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it begins, in seconds since the Unix epoch.
    #[serde(rename = "nbf", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// Whom it is about.
    #[serde(rename = "sub", skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Where version 1 had the kind.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) first_version_kind: Option<String>,
    /// The claims of this kind of token.
    #[serde(default, deserialize_with = "object_or_default")]
    pub nats: B,
}

/// What stands under `nats`.
pub trait Body {
    /// The name of the kind: `nats.type`.
    const KIND: &'static str;
    /// Which kinds of key may sign it.
    const ISSUERS: &'static [KeyKind];
    /// Whom it has to be about to be signed here; none if that is not checked.
    const SUBJECT: Option<KeyKind> = None;
    /// Whether there is a version 1 of this kind, so that claims have to say which version they have.
    const HAS_FIRST_VERSION: bool = false;
    /// Whether any other kind may be read as this one. Version 1 is then told by the algorithm's name, not by the
    /// place of the kind.
    const ANY_KIND: bool = false;

    /// `nats.type`, as it stands.
    fn kind(&self) -> Option<&str>;
    /// `nats.version`, as it stands.
    fn version(&self) -> Option<i64>;

    /// Sets what the Go library sets before it signs: kind, version, order. Nothing, for what is never signed here.
    fn stamp(&mut self) {}

    /// Takes over what version 1 had elsewhere, and drops what it did not have. Nothing, for kinds that are newer.
    fn migrate(&mut self, _old: FirstVersion) {}
}

/// Why a token cannot be read or trusted. No message repeats what the token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Larger than any token.
    #[error("the token is larger than {MAX_TOKEN_SIZE} bytes")]
    TooLarge,
    /// Not `header.claims.signature`.
    #[error("not a JWT: expected three chunks separated by dots")]
    Chunks,
    /// A chunk that is not base64url without padding.
    #[error("the token's {0} is not base64url without padding")]
    Base64(&'static str),
    /// A header that is not `{"typ": …, "alg": …}`.
    #[error("the token's header is not the expected JSON")]
    Header,
    /// `typ` is not `JWT`.
    #[error("the token's header does not have the type JWT")]
    HeaderType,
    /// `alg` is not one of NATS.
    #[error("the token's algorithm is neither `ed25519-nkey` nor `ed25519`")]
    Algorithm,
    /// Claims that are not JSON of the expected form.
    #[error("the token's claims are not the expected JSON, at line {line} column {column}")]
    Claims {
        /// Where it shows, from 1.
        line: usize,
        /// Where it shows, from 1.
        column: usize,
    },
    /// Claims that nest more deeply than the Go library reads.
    #[error("the token's claims nest more than 10000 levels deep")]
    Nesting,
    /// Claims of a later version, or of none.
    #[error("the token's claims have version {0}; known are versions up to {VERSION}")]
    Version(i64),
    /// No issuer, or one that is not a public nkey.
    #[error("the token's issuer is not a public nkey")]
    Issuer,
    /// The signature is not the issuer's.
    #[error("the token's signature does not match its issuer")]
    Signature,
    /// Signed by a key of a kind that may not sign such tokens.
    #[error(
        "the token is signed by a key of the kind {found}, expected {}",
        one_of(expected)
    )]
    IssuerKind {
        /// Who may sign.
        expected: &'static [KeyKind],
        /// Who did.
        found: KeyKind,
    },
    /// A token of another kind.
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

/// Kinds in a sentence.
fn one_of(kinds: &[KeyKind]) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    names.join(" or ")
}

#[cfg(test)]
pub(crate) mod tests;
