//! A user of an account.

use anyhow::{Context, Result};
use nats_token::{UserClaims, format_user_config};
use nkeys::KeyPair;

/// A user with its key and its JWT.
#[derive(Debug)]
pub struct User {
    key: KeyPair,
    jwt: String,
}

impl User {
    /// Creates a user with a new key, changed by `change` and signed by the account key `issuer`.
    pub(super) fn signed(
        name: &str,
        issuer: &KeyPair,
        change: impl FnOnce(&mut UserClaims),
    ) -> Result<Self> {
        let key = KeyPair::new_user();
        let mut claims = UserClaims::new(key.public_key()).context("a user needs a key")?;
        name.clone_into(&mut claims.claims.name);
        change(&mut claims);
        let jwt = claims.encode(issuer)?;
        Ok(Self { key, jwt })
    }

    /// Creates a new JWT for the user, signed by the account key `issuer`. The JWT expires at this
    /// time, in seconds since the Unix epoch.
    pub(super) fn renewed(&self, name: &str, issuer: &KeyPair, expires_at: u64) -> Result<Self> {
        let mut claims = UserClaims::new(self.key.public_key()).context("a user needs a key")?;
        name.clone_into(&mut claims.claims.name);
        claims.claims.expires = expires_at.try_into()?;
        Ok(Self {
            key: KeyPair::from_seed(&self.key.seed()?)?,
            jwt: claims.encode(issuer)?,
        })
    }

    /// Returns the public key of the user, `U…`.
    pub fn public_key(&self) -> String {
        self.key.public_key()
    }

    /// Returns the JWT of the user.
    pub fn jwt(&self) -> &str {
        &self.jwt
    }

    /// Returns the JWT and the seed, as the content of a credentials file.
    ///
    /// # Errors
    ///
    /// Fails if the content cannot be written.
    pub fn credentials(&self) -> Result<String> {
        Ok(format_user_config(&self.jwt, &self.key.seed()?)?)
    }
}
