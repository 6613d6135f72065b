//! The login at a server, with secrets that are read again for every attempt.

use std::sync::Arc;

use async_nats::Auth;
use parking_lot::Mutex;
use portcullis_claims::{CredentialsError, KeyError, UserCredentials, UserKey};
use portcullis_core::Secret;
use portcullis_files::{Disk, SystemDisk};

use crate::secret::{SecretError, SecretSource};

/// The way to log in to NATS. `S` says where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication<S = SecretSource> {
    /// No credentials.
    None,
    /// A user seed (`SU…`), which signs the server's nonce.
    Nkey(S),
    /// A credentials file with a user JWT and its seed.
    Credentials(S),
    /// A user JWT and its seed, from two places.
    UserJwt {
        /// The user JWT.
        jwt: S,
        /// The seed of the user JWT's key (`SU…`).
        seed: S,
    },
    /// A user name and a password.
    Password {
        /// The user name.
        user: String,
        /// The password.
        password: S,
    },
    /// A token.
    Token(S),
}

/// The reason for which secrets cannot be used for a login.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A secret is not a user seed.
    #[error("{place} is not usable")]
    Seed {
        /// The place of the secret.
        place: SecretSource,
        /// The reason why the secret is not a user seed.
        source: KeyError,
    },
    /// Secrets are not a user JWT and its seed.
    #[error("{place} is not usable")]
    Credentials {
        /// The place of the secrets.
        place: SecretSource,
        /// The first problem of the secrets.
        source: Box<CredentialsError>,
    },
}

/// The proof of an identity, for a server.
#[derive(Debug)]
pub(crate) enum Proof {
    Nkey(UserKey),
    UserJwt(UserCredentials),
    Password { user: String, password: Secret },
    Token(Secret),
}

/// A reader of proofs that keeps the last good one.
#[derive(Debug)]
pub(crate) struct ProofReader {
    disk: Arc<dyn Disk>,
    authentication: Authentication,
    last_good: Mutex<Option<Arc<Proof>>>,
}

/// A proof, either fresh or from an earlier attempt.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) proof: Arc<Proof>,
    /// The reason for which the proof is not fresh; `None` for a fresh one.
    pub(crate) stale: Option<AuthenticationError>,
}

impl<S> Authentication<S> {
    /// Returns the same way to log in, with each secret as `convert` returns it.
    pub fn map<T>(&self, convert: impl Fn(&S) -> T) -> Authentication<T> {
        match self {
            Self::None => Authentication::None,
            Self::Nkey(seed) => Authentication::Nkey(convert(seed)),
            Self::Credentials(source) => Authentication::Credentials(convert(source)),
            Self::UserJwt { jwt, seed } => Authentication::UserJwt {
                jwt: convert(jwt),
                seed: convert(seed),
            },
            Self::Password { user, password } => Authentication::Password {
                user: user.clone(),
                password: convert(password),
            },
            Self::Token(token) => Authentication::Token(convert(token)),
        }
    }
}

impl Authentication {
    /// Checks that every secret exists and has the right kind. Blocks.
    ///
    /// # Errors
    ///
    /// Fails with the first problem.
    pub fn check(&self) -> Result<(), AuthenticationError> {
        self.read(&SystemDisk).map(drop)
    }

    /// Reads the secrets from files of `disk`. Returns `None` without credentials. Blocks.
    fn read(&self, disk: &dyn Disk) -> Result<Option<Proof>, AuthenticationError> {
        Ok(Some(match self {
            Self::None => return Ok(None),
            Self::Nkey(place) => Proof::Nkey(read_key(disk, place)?),
            Self::Credentials(place) => Proof::UserJwt(
                UserCredentials::parse(place.read_from(disk)?.expose())
                    .map_err(|source| unusable(place, source))?,
            ),
            Self::UserJwt { jwt, seed } => {
                let (token, key) = (jwt.read_from(disk)?, seed.read_from(disk)?);
                let credentials = UserCredentials::parse_pair(token.expose(), key.expose());
                Proof::UserJwt(credentials.map_err(|source| unusable(jwt, source))?)
            }
            Self::Password { user, password } => Proof::Password {
                user: user.clone(),
                password: password.read_from(disk)?,
            },
            Self::Token(place) => Proof::Token(place.read_from(disk)?),
        }))
    }
}

fn read_key(disk: &dyn Disk, place: &SecretSource) -> Result<UserKey, AuthenticationError> {
    UserKey::from_seed(place.read_from(disk)?.expose()).map_err(|source| {
        AuthenticationError::Seed {
            place: place.clone(),
            source,
        }
    })
}

fn unusable(place: &SecretSource, source: CredentialsError) -> AuthenticationError {
    AuthenticationError::Credentials {
        place: place.clone(),
        source: Box::new(source),
    }
}

impl ProofReader {
    pub(crate) const fn new(authentication: Authentication, disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            authentication,
            last_good: Mutex::new(None),
        }
    }

    /// Reads the secrets again. If that fails, returns the last good ones, because a program that
    /// rotates a file may be in the middle of writing it. Returns `None` without credentials.
    /// Blocks.
    ///
    /// # Errors
    ///
    /// Fails if the secrets cannot be read and were never read before.
    pub(crate) fn read(&self) -> Result<Option<Reading>, AuthenticationError> {
        let mut last_good = self.last_good.lock();
        match self.authentication.read(&*self.disk) {
            Ok(None) => Ok(None),
            Ok(Some(proof)) => {
                let proof = Arc::new(proof);
                *last_good = Some(Arc::clone(&proof));
                Ok(Some(Reading { proof, stale: None }))
            }
            Err(error) => match last_good.as_ref() {
                Some(proof) => Ok(Some(Reading {
                    proof: Arc::clone(proof),
                    stale: Some(error),
                })),
                None => Err(error),
            },
        }
    }
}

impl Proof {
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

#[cfg(test)]
mod tests;
