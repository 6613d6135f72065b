//! An issuer's keys: a JWK set (RFC 7517), and which of them verifies what.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{DecodingKey, crypto};
use serde::Deserialize;
use serde_json::Value;

use super::error::shown;
use super::token::Token;
use super::{TokenAlgorithm, TokenError};

/// How many keys are tried for one token, if it does not say which.
const MAX_TRIED: usize = 4;

/// The keys of a set that can verify signatures.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
    /// How many keys of the set are for something else, or of a kind that is not known.
    pub(crate) ignored: usize,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    kind: Kind,
    /// The one algorithm it is for, if it says so.
    algorithm: Option<TokenAlgorithm>,
    public: DecodingKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// A text is no JWK set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JWK set: expected an object with an array `keys`")]
pub(crate) struct NoKeySet;

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a set. Keys of unknown kinds are passed over (RFC 7517, section 5), as are those that are not for signatures, too short,
    /// or secret.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, NoKeySet> {
        let set: Set = serde_json::from_slice(json).map_err(|_| NoKeySet)?;
        let all = set.keys.len();
        let keys: Vec<Key> = set.keys.into_iter().filter_map(Key::read).collect();
        let ignored = all.saturating_sub(keys.len());
        Ok(Self { keys, ignored })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether both have the same ids in the same order.
    pub(crate) fn has_ids_of(&self, other: &Self) -> bool {
        let ids = |set: &Self| -> Vec<Option<String>> {
            set.keys.iter().map(|key| key.id.clone()).collect()
        };
        ids(self) == ids(other)
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

    /// The keys that a token can mean: those with its `kid`, all if it has none; of them those for its algorithm.
    fn fitting(&self, token: &Token<'_>, issuer: &str) -> Result<Vec<&Key>, TokenError> {
        let meant = |key: &&Key| token.key.is_none() || token.key == key.id;
        let mut keys: Vec<&Key> = self.keys.iter().filter(meant).collect();
        if let (true, Some(key)) = (keys.is_empty(), &token.key) {
            return Err(TokenError::UnknownKey {
                issuer: issuer.to_owned(),
                key: shown(key),
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

impl Key {
    fn read(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        if !jwk.verifies() {
            return None;
        }
        let algorithm = match &jwk.alg {
            Some(name) => Some(name.parse().ok()?),
            None => None,
        };
        let (kind, key) = jwk.material()?;
        Some(Self {
            id: jwk.kid,
            kind,
            algorithm,
            public: key,
        })
    }

    /// Whether it is of the kind that an algorithm asks for, and for that algorithm if it is for one (RFC 8725, section 3.1).
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

impl Jwk {
    /// Whether it may verify signatures (RFC 7517, sections 4.2 and 4.3).
    fn verifies(&self) -> bool {
        let operations = self.key_ops.as_ref();
        self.r#use.as_ref().is_none_or(|usage| usage == "sig")
            && operations.is_none_or(|all| all.iter().any(|operation| operation == "verify"))
    }

    /// The public key, if it is whole (RFC 7518, section 6; RFC 8037, section 2).
    fn material(&self) -> Option<(Kind, DecodingKey)> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Some((Kind::Rsa, rsa(self.n.as_ref()?, self.e.as_ref()?)?)),
            ("EC", Some("P-256")) => Some((Kind::P256, self.point(32)?)),
            ("EC", Some("P-384")) => Some((Kind::P384, self.point(48)?)),
            ("OKP", Some("Ed25519")) => {
                let key = number(self.x.as_ref()?).filter(|key| key.len() == 32)?;
                Some((Kind::Ed25519, DecodingKey::from_ed_der(&key)))
            }
            _ => None,
        }
    }

    fn point(&self, size: usize) -> Option<DecodingKey> {
        let whole = |text| number(text).filter(|part| part.len() == size);
        let (x, y) = (whole(self.x.as_ref()?)?, whole(self.y.as_ref()?)?);
        let point = [&[4], x.as_slice(), &y].concat();
        Some(DecodingKey::from_ec_der(&point))
    }
}

/// Of 2048 to 8192 bits: shorter ones can be broken (RFC 7518, section 3.3), longer ones burn time.
fn rsa(modulus: &str, exponent: &str) -> Option<DecodingKey> {
    let modulus = number(modulus)?;
    // Some issuers write the byte that keeps it positive in DER.
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(&modulus);
    if !(256..=1024).contains(&modulus.len()) {
        return None;
    }
    Some(DecodingKey::from_rsa_raw_components(
        modulus,
        &number(exponent)?,
    ))
}

fn number(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests;
