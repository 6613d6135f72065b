//! A user JWT and its seed.

use nkeys::KeyPair;
use portcullis_claims::{KeyError, UserKey};
use portcullis_core::Secret;

/// Not a user JWT and its seed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// No user JWT.
    #[error("expected a credentials file, found no `BEGIN NATS USER JWT`")]
    NoJwt,
    /// No seed.
    #[error("expected a credentials file, found no `BEGIN USER NKEY SEED`")]
    NoSeed,
    /// The seed is not a user seed.
    #[error(transparent)]
    Seed(#[from] KeyError),
}

/// A user JWT and its seed.
#[derive(Debug)]
pub(super) struct UserCredentials {
    jwt: Secret,
    key: UserKey,
}

impl UserCredentials {
    pub(super) fn parse(text: &str) -> Result<Self, CredentialsError> {
        let jwt = block(text, "USER JWT").ok_or(CredentialsError::NoJwt)?;
        let seed = block(text, "USER NKEY SEED").ok_or(CredentialsError::NoSeed)?;
        Self::parse_pair(jwt, seed)
    }

    pub(super) fn parse_pair(jwt: &str, seed: &str) -> Result<Self, CredentialsError> {
        Ok(Self {
            jwt: Secret::new(jwt.trim()),
            key: UserKey::from_seed(seed)?,
        })
    }

    pub(super) fn jwt(&self) -> &str {
        self.jwt.expose()
    }

    pub(super) const fn key(&self) -> &UserKey {
        &self.key
    }
}

pub(super) fn sign(key: &UserKey, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    KeyPair::from_seed(key.seed())
        .and_then(|pair| pair.sign(message))
        .map_err(|_| KeyError::Sign)
}

fn block<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .skip_while(|line| !(line.contains("BEGIN") && line.contains(name)))
        .nth(1)
        .map(str::trim)
        .filter(|line| !line.is_empty())
}
