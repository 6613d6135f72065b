//! The login at a server, with secrets that are read again for every attempt.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use portcullis_claims::{CredentialsError, KeyError, UserCredentials, UserKey};

use portcullis_files::{Disk, SystemDisk};
use tokio::sync::watch;

use crate::abort_on_drop::AbortOnDrop;
use crate::login::{Login, RenewedLogin};
use crate::proof::Proof;
use crate::secret::{SecretError, SecretSource};
use crate::token::TokenError;

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
    /// A login that renews itself, such as that of an
    /// [`ExchangeClient`](crate::ExchangeClient).
    Renewed(RenewedLogin),
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
    /// A login was not renewed.
    #[error("no login")]
    Renewal(#[source] Arc<TokenError>),
    /// The runtime shuts down, so no file was read.
    #[error("interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

/// A reader of proofs that keeps the last good one.
#[derive(Debug)]
pub(crate) struct ProofReader {
    disk: Arc<dyn Disk>,
    authentication: Authentication,
    last_good: Mutex<Option<Arc<Proof>>>,
    /// The login of the last attempt.
    presented: watch::Sender<Option<Login>>,
}

/// A proof, either fresh or from an earlier attempt.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) proof: Arc<Proof>,
    /// The reason for which the proof is not fresh; `None` for a fresh one.
    pub(crate) stale: Option<AuthenticationError>,
    /// The end of the login. `None` if it is unknown.
    pub(crate) ends_at: Option<Instant>,
    /// The time at which the login is renewed. `None` for the default.
    pub(crate) renew_at: Option<Instant>,
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
            Self::Renewed(login) => Authentication::Renewed(login.clone()),
        }
    }
}

impl Authentication {
    /// Checks that every secret exists and has the right kind. Asks no service for a login. Blocks.
    ///
    /// # Errors
    ///
    /// Fails with the first problem.
    pub fn check(&self) -> Result<(), AuthenticationError> {
        self.read(&SystemDisk).map(drop)
    }

    /// Reads the secrets from files of `disk`. Returns `None` without stored secrets. Blocks.
    fn read(&self, disk: &dyn Disk) -> Result<Option<Proof>, AuthenticationError> {
        Ok(Some(match self {
            Self::None | Self::Renewed(_) => return Ok(None),
            Self::Nkey(place) => Proof::Nkey(read_key(disk, place)?),
            Self::Credentials(place) => Proof::UserJwt(Arc::new(
                UserCredentials::parse(place.read_from(disk)?.expose())
                    .map_err(|source| unusable(place, source))?,
            )),
            Self::UserJwt { jwt, seed } => {
                let (token, key) = (jwt.read_from(disk)?, seed.read_from(disk)?);
                let credentials = UserCredentials::parse_pair(token.expose(), key.expose());
                let credentials = credentials.map_err(|source| unusable(jwt, source))?;
                Proof::UserJwt(Arc::new(credentials))
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
    pub(crate) fn new(authentication: Authentication, disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            authentication,
            last_good: Mutex::new(None),
            presented: watch::Sender::new(None),
        }
    }

    /// Returns whether the login comes from a service, which can fail for a time.
    pub(crate) const fn is_renewed(&self) -> bool {
        matches!(self.authentication, Authentication::Renewed(_))
    }

    /// Returns a view of the login that was presented last. `None` before the first one.
    pub(crate) fn presented(&self) -> watch::Receiver<Option<Login>> {
        self.presented.subscribe()
    }

    /// Records that a server is given the login of `reading`.
    pub(crate) fn present(&self, reading: &Reading) {
        self.presented.send_replace(Some(Login {
            proof: Arc::clone(&reading.proof),
            ends_at: reading.ends_at,
            renew_at: reading.renew_at,
            stale: None,
        }));
    }

    /// Tells the source of the login that a server refuses the one that was presented last.
    pub(crate) fn reject(&self) {
        let refused = self.presented.borrow().clone();
        if let (Authentication::Renewed(source), Some(login)) = (&self.authentication, refused) {
            source.reject(&login);
        }
    }

    /// Returns the login, as of now. Reads secrets again, or asks their service if renewal is due.
    /// Returns `None` without credentials.
    ///
    /// # Errors
    ///
    /// Fails if the secrets cannot be read and were never read before, or if no login was obtained.
    pub(crate) async fn current(self: &Arc<Self>) -> Result<Option<Reading>, AuthenticationError> {
        let Authentication::Renewed(source) = &self.authentication else {
            let reader = Arc::clone(self);
            let read = tokio::task::spawn_blocking(move || reader.read()).await;
            return read.map_err(AuthenticationError::Interrupted)?;
        };
        let source = source.clone();
        // A task of its own, because async-nats wants callbacks whose futures are `Sync`.
        let asked = AbortOnDrop::spawn(async move { source.login().await }).await;
        let login = asked.map_err(AuthenticationError::Interrupted)?;
        let login = login.map_err(AuthenticationError::Renewal)?;
        Ok(Some(Reading {
            proof: login.proof,
            stale: login.stale.map(AuthenticationError::Renewal),
            ends_at: login.ends_at,
            renew_at: login.renew_at,
        }))
    }

    /// Reads the secrets again. If that fails, returns the last good ones, because a program that
    /// rotates a file may be in the middle of writing it. Returns `None` without stored secrets.
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
                Ok(Some(Reading::of(proof, None)))
            }
            Err(error) => match last_good.as_ref() {
                Some(proof) => Ok(Some(Reading::of(Arc::clone(proof), Some(error)))),
                None => Err(error),
            },
        }
    }
}

impl Reading {
    const fn of(proof: Arc<Proof>, stale: Option<AuthenticationError>) -> Self {
        Self {
            proof,
            stale,
            ends_at: None,
            renew_at: None,
        }
    }
}

#[cfg(test)]
mod tests;
