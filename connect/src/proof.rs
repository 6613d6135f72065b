//! The proof of an identity, for a server.

use std::sync::Arc;

use async_nats::Auth;
use portcullis_claims::{KeyError, UserCredentials, UserKey};
use portcullis_core::Secret;

/// The proof of an identity, for a server.
#[derive(Debug)]
pub(crate) enum Proof {
    Nkey(UserKey),
    UserJwt(Arc<UserCredentials>),
    Password { user: String, password: Secret },
    Token(Secret),
}

impl Proof {
    /// Returns the time at which the proof expires by its own word, in seconds since the Unix
    /// epoch. `None` if it names no end.
    pub(crate) fn expires_at(&self) -> Option<u64> {
        match self {
            Self::UserJwt(credentials) => credentials.expires_at(),
            Self::Nkey(_) | Self::Password { .. } | Self::Token(_) => None,
        }
    }

    /// Returns whether both are the same login.
    pub(crate) fn is_same_login(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::UserJwt(one), Self::UserJwt(other)) => one.jwt() == other.jwt(),
            (Self::Token(one), Self::Token(other)) => one == other,
            _ => false,
        }
    }

    /// Returns the answer to a server that sent `nonce`.
    ///
    /// # Errors
    ///
    /// Fails with [`KeyError::Sign`] if the key library fails.
    pub(crate) fn answer(&self, nonce: &[u8]) -> Result<Auth, KeyError> {
        let mut auth = Auth::new();
        match self {
            Self::Nkey(key) => {
                auth.nkey = Some(key.public_key().to_owned());
                auth.signature = Some(key.sign(nonce)?);
            }
            Self::UserJwt(credentials) => {
                auth.jwt = Some(credentials.jwt().to_owned());
                auth.signature = Some(credentials.key().sign(nonce)?);
            }
            Self::Password { user, password } => {
                auth.username = Some(user.clone());
                auth.password = Some(password.expose().to_owned());
            }
            Self::Token(token) => auth.token = Some(token.expose().to_owned()),
        }
        Ok(auth)
    }
}
