//! Tokens, and the clients that obtain them.

mod client_credentials;
mod endpoint;
mod error;
mod jwt;
mod stored;
mod token_exchange;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use portcullis_core::Secret;

pub use client_credentials::{ClientCredentials, ClientCredentialsOptions};
pub use endpoint::{ClientSecret, NewTokenClientError, TokenEndpointOptions};
pub use error::TokenError;
pub use stored::StoredToken;
pub use token_exchange::{TokenExchange, TokenExchangeOptions};

pub(crate) use error::{check_status, no_answer, unexpected};

/// A token and its end. `Debug` does not show the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    secret: Secret,
    header: TokenHeader,
    ends_at: Option<Instant>,
    renew_at: Option<Instant>,
}

/// The header of a request that carries a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenHeader {
    /// `Authorization: Bearer …`.
    Bearer,
    /// The header of this name, with the bare token.
    Named(String),
}

/// A future of a token.
pub type TokenFuture<'a> = BoxFuture<'a, Result<Token, Arc<TokenError>>>;

/// A source of tokens, which renews them.
pub trait TokenSource: Debug + Send + Sync + 'static {
    /// Returns a token that has not ended. Asks its issuer only if it has to.
    fn token(&self) -> TokenFuture<'_>;

    /// Forgets `token`, because a service refuses it. The next call of [`TokenSource::token`] then
    /// obtains another one. By default, does nothing.
    fn reject(&self, _token: &Token) {}

    /// Reports that a NATS server refuses a login with `token`, which can have been revoked before
    /// its end. The next call of [`TokenSource::token`] can then obtain another one. By default,
    /// does nothing.
    ///
    /// A server does not say why it refuses a login, and connections call this at each refusal. So
    /// `token` has to stay in use until there is another one, and a source has to limit how often
    /// it asks its issuer.
    fn suspect(&self, _token: &Token) {}

    /// Returns the failure of the last attempt to obtain a token. `None` after a success, and by
    /// default.
    fn last_failure(&self) -> Option<Arc<TokenError>> {
        None
    }
}

impl Token {
    /// Creates a token that ends at `ends_at`, by the monotonic clock. `None` means that the end is
    /// unknown.
    pub const fn new(secret: Secret, ends_at: Option<Instant>) -> Self {
        Self {
            secret,
            header: TokenHeader::Bearer,
            ends_at,
            renew_at: None,
        }
    }

    /// Returns the same token for another header.
    #[must_use]
    pub fn in_header(self, header: TokenHeader) -> Self {
        Self { header, ..self }
    }

    /// Returns the same token, which its source renews at `renew_at`, by the monotonic clock.
    #[must_use]
    pub fn renewed_at(self, renew_at: Option<Instant>) -> Self {
        Self { renew_at, ..self }
    }

    /// Returns the time at which the source renews the token. `None` if it is unknown.
    pub const fn renew_at(&self) -> Option<Instant> {
        self.renew_at
    }

    /// Returns the token itself.
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Returns the end of the token, by the monotonic clock. `None` if it is unknown.
    pub const fn ends_at(&self) -> Option<Instant> {
        self.ends_at
    }

    /// Returns the header with which a request carries the token.
    pub(crate) fn as_header(&self) -> (String, Secret) {
        match &self.header {
            TokenHeader::Bearer => {
                let value = format!("Bearer {}", self.secret.expose());
                ("authorization".to_owned(), Secret::new(value))
            }
            TokenHeader::Named(name) => (name.clone(), self.secret.clone()),
        }
    }
}
