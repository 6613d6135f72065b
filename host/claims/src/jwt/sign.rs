//! Signing of tokens: kind, issuer, id, signature.

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;

use super::{Body, Claims, MAX_TOKEN_SIZE, id, one_of};
use crate::keys::{IssuerKey, KeyError, KeyKind, PublicKey, SigningKey};

/// Encoded header `{"typ":"JWT","alg":"ed25519-nkey"}`. Servers look for its first letters, `eyJ`.
pub(super) const HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ";

/// A signer of tokens: a key in memory, or one that is kept elsewhere.
pub trait Signer {
    /// Returns the public key, which becomes the token's issuer.
    fn issuer(&self) -> &PublicKey;

    /// Signs `message` with Ed25519 and returns the signature of 64 bytes.
    ///
    /// # Errors
    ///
    /// Fails if the key cannot sign.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

/// A reason why claims could not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key is of a kind that may not sign such tokens.
    #[error(
        "a token of the type `{kind}` cannot be signed by a key of the kind {found}, expected {}",
        one_of(expected)
    )]
    IssuerKind {
        /// Type of the token.
        kind: &'static str,
        /// Kinds of keys that may sign it.
        expected: &'static [KeyKind],
        /// Kind of the signing key.
        found: KeyKind,
    },
    /// The subject is not a public key of the required kind.
    #[error("a token of the type `{kind}` needs a public {expected} key as its subject")]
    Subject {
        /// Type of the token.
        kind: &'static str,
        /// Required kind of the subject.
        expected: KeyKind,
    },
    /// The claims cannot be written as JSON.
    #[error("cannot write the claims as JSON")]
    Json(#[source] serde_json::Error),
    /// The key failed to sign.
    #[error("cannot sign the claims")]
    Key(#[source] KeyError),
    /// The token is larger than a server reads.
    #[error("the token would be larger than {MAX_TOKEN_SIZE} bytes; grant fewer subjects")]
    TooLarge,
}

impl<B: Body + Serialize> Claims<B> {
    /// Signs the claims and returns the token. It has version 2, the signer as issuer and a new id,
    /// regardless of the version that the claims were read from.
    ///
    /// # Errors
    ///
    /// Fails if the signer may not sign such tokens or fails, or if the token would be too large.
    pub fn sign(mut self, signer: &impl Signer) -> Result<String, SignError> {
        let issuer = signer.issuer();
        self.check_keys(issuer.kind())?;
        self.nats.stamp();
        self.first_version_kind = None;
        self.issuer = Some(issuer.as_str().to_owned());
        self.id = Some(self.computed_id().map_err(SignError::Json)?);
        let json = serde_json::to_string(&self).map_err(SignError::Json)?;
        let json = id::as_go_writes(&json);
        // Three chunks, two dots and a signature of 64 bytes.
        let length = HEADER.len() + BASE64URL_NOPAD.encode_len(json.len()) + 88;
        let mut token = String::with_capacity(length);
        token.push_str(HEADER);
        token.push('.');
        BASE64URL_NOPAD.encode_append(json.as_bytes(), &mut token);
        let signature = signer.sign(token.as_bytes()).map_err(SignError::Key)?;
        token.push('.');
        BASE64URL_NOPAD.encode_append(&signature, &mut token);
        if token.len() > MAX_TOKEN_SIZE {
            return Err(SignError::TooLarge);
        }
        Ok(token)
    }

    fn check_keys(&self, found: KeyKind) -> Result<(), SignError> {
        let (kind, expected) = (B::KIND, B::ISSUERS);
        if !expected.contains(&found) {
            return Err(SignError::IssuerKind {
                kind,
                expected,
                found,
            });
        }
        let subject = self.subject.as_deref().unwrap_or_default();
        match B::SUBJECT {
            Some(expected) if !PublicKey::is_valid(subject, expected) => {
                Err(SignError::Subject { kind, expected })
            }
            _ => Ok(()),
        }
    }
}

impl Signer for SigningKey {
    fn issuer(&self) -> &PublicKey {
        self.as_public()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.sign(message)
    }
}

impl Signer for IssuerKey {
    fn issuer(&self) -> &PublicKey {
        self.as_signing_key().as_public()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.sign(message)
    }
}
