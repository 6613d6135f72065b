//! Key sets of issuers (JWK sets, RFC 7517), and the choice of keys for a token.

mod jwk;

use jsonwebtoken::{DecodingKey, crypto};
use serde::Deserialize;
use serde_json::Value;

pub(crate) use self::jwk::KeyUse;
use self::jwk::{Jwk, Kind, Unusable};
use super::error::shown;
use super::token::Token;
use super::{TokenAlgorithm, TokenError};

/// Maximum number of keys that are tried for a token that does not name its key.
const MAX_TRIED: usize = 4;

/// Maximum number of ignored keys that a text names.
const MAX_NAMED: usize = 32;

/// The keys of a set that can verify signatures.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
    /// Keys of the set for another use, or of an unknown kind.
    pub(crate) ignored: Vec<IgnoredKey>,
}

/// A key of a set that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IgnoredKey {
    /// The key's `kid`, as in the set.
    id: Option<String>,
    /// Reason why the key is not used, as a sentence about it.
    reason: String,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    kind: Kind,
    /// Algorithm that the key is restricted to. `None` if it names none.
    algorithm: Option<TokenAlgorithm>,
    public: DecodingKey,
}

/// The text is not a JWK set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JWK set: expected an object with an array `keys`")]
pub(crate) struct NoKeySet;

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl KeySet {
    /// Parses a set. Ignores keys of unknown kinds (RFC 7517, section 5), and keys that are not for
    /// `usage`, too short or secret.
    pub(crate) fn parse(json: &[u8], usage: KeyUse) -> Result<Self, NoKeySet> {
        let set: Set = serde_json::from_slice(json).map_err(|_| NoKeySet)?;
        let mut read = Self::default();
        for value in set.keys {
            let id = value.get("kid").and_then(Value::as_str).map(str::to_owned);
            match Key::read(value, usage) {
                Ok(key) => read.keys.push(key),
                Err(unusable) => read.ignored.push(IgnoredKey {
                    id,
                    reason: unusable.to_string(),
                }),
            }
        }
        Ok(read)
    }

    /// Returns the number of usable keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns whether both sets have the same ids in the same order, and ignore the same keys for
    /// the same reasons.
    pub(crate) fn has_ids_of(&self, other: &Self) -> bool {
        let ids = |set: &Self| -> Vec<Option<String>> {
            set.keys.iter().map(|key| key.id.clone()).collect()
        };
        ids(self) == ids(other) && self.ignored == other.ignored
    }

    /// Returns the ignored keys with their reasons on one line. `None` if every key is used.
    pub(crate) fn told_ignored(&self) -> Option<String> {
        let mut told: Vec<String> = self
            .ignored
            .iter()
            .take(MAX_NAMED)
            .map(IgnoredKey::told)
            .collect();
        if let Some(more) = self
            .ignored
            .len()
            .checked_sub(MAX_NAMED)
            .filter(|more| *more > 0)
        {
            told.push(format!("{more} more"));
        }
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// Verifies a token's signature.
    pub(crate) fn verify(&self, token: &Token<'_>, issuer: &str) -> Result<(), TokenError> {
        let fitting = self.fitting(token, issuer)?;
        if fitting.len() > MAX_TRIED {
            return Err(TokenError::TooManyKeys {
                issuer: issuer.to_owned(),
                count: fitting.len(),
                limit: MAX_TRIED,
            });
        }
        if fitting.iter().any(|key| key.signed(token)) {
            return Ok(());
        }
        Err(TokenError::WrongSignature {
            issuer: issuer.to_owned(),
        })
    }

    /// Returns the keys that can have signed a token: those with its `kid`, or all if it has none,
    /// restricted to its algorithm.
    fn fitting(&self, token: &Token<'_>, issuer: &str) -> Result<Vec<&Key>, TokenError> {
        let meant = |key: &&Key| token.key.is_none() || token.key == key.id;
        let mut keys: Vec<&Key> = self.keys.iter().filter(meant).collect();
        if let (true, Some(key)) = (keys.is_empty(), &token.key) {
            let issuer = issuer.to_owned();
            let ignored = self.ignored.iter().find(|known| known.id == token.key);
            return Err(match ignored {
                Some(ignored) => TokenError::IgnoredKey {
                    issuer,
                    key: shown(key),
                    reason: ignored.reason.clone(),
                },
                None => TokenError::UnknownKey {
                    issuer,
                    key: shown(key),
                },
            });
        }
        keys.retain(|key| key.fits(token.algorithm));
        if keys.is_empty() {
            return Err(TokenError::UnfitKey {
                issuer: issuer.to_owned(),
                algorithm: token.algorithm.as_str(),
            });
        }
        Ok(keys)
    }
}

impl IgnoredKey {
    fn told(&self) -> String {
        let id = self.id.as_deref();
        let id = id.map_or_else(
            || "a key without `kid`".to_owned(),
            |id| format!("`{}`", shown(id)),
        );
        format!("{id}: {}", self.reason)
    }
}

impl Key {
    fn read(value: Value, usage: KeyUse) -> Result<Self, Unusable> {
        let jwk = Jwk::read(value)?;
        jwk.check_use(usage)?;
        let algorithm = jwk.algorithm()?;
        let (kind, public) = jwk.material()?;
        Ok(Self {
            id: jwk.kid,
            kind,
            algorithm,
            public,
        })
    }

    /// Returns whether the key has the kind that an algorithm requires, and is not restricted to
    /// another algorithm (RFC 8725, section 3.1).
    fn fits(&self, algorithm: TokenAlgorithm) -> bool {
        let kind = match algorithm {
            TokenAlgorithm::Es256 => Kind::P256,
            TokenAlgorithm::Es384 => Kind::P384,
            TokenAlgorithm::EdDsa => Kind::Ed25519,
            _ => Kind::Rsa,
        };
        self.kind == kind && self.algorithm.is_none_or(|only| only == algorithm)
    }

    fn signed(&self, token: &Token<'_>) -> bool {
        let (message, algorithm) = (token.message.as_bytes(), token.algorithm.library());
        crypto::verify(token.signature, message, &self.public, algorithm).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests;
