//! Logins that renew themselves.

use std::fmt::Debug;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use portcullis_claims::UserCredentials;

use crate::proof::Proof;
use crate::token::{Token, TokenError, TokenSource};

/// A login at a server, and its end. `Debug` does not show the secret.
#[derive(Clone, Debug)]
pub struct Login {
    pub(crate) proof: Arc<Proof>,
    pub(crate) ends_at: Option<Instant>,
    pub(crate) renew_at: Option<Instant>,
    pub(crate) stale: Option<Arc<TokenError>>,
}

/// A future of a login.
pub type LoginFuture<'a> = BoxFuture<'a, Result<Login, Arc<TokenError>>>;

/// A source of logins that renew themselves. [`ExchangeClient`](crate::ExchangeClient) is one, and
/// [`TokenLogin`] makes one of a source of tokens.
pub trait LoginSource: Debug + Send + Sync + 'static {
    /// Returns a login that has not ended. Asks its issuer only if it has to, because each attempt
    /// to connect calls this.
    fn login(&self) -> LoginFuture<'_>;

    /// Reports that a server refuses `login`, which can have been revoked before its end. The next
    /// call of [`LoginSource::login`] can then obtain another one. Connections call this at each
    /// refusal, so a source has to limit how often it asks its issuer. By default, does nothing.
    fn reject(&self, _login: &Login) {}
}

/// A source of logins as one way to authenticate. Clones share it, and only clones are equal.
#[derive(Clone, Debug)]
pub struct RenewedLogin(Arc<dyn LoginSource>);

/// A login with the token of a source (`auth_token`), for a server that passes it to an auth
/// callout.
///
/// The end of the token has to be known (`expires_in` of OAuth, `exp` of a JWT), so that it is
/// renewed before. If a server refuses a token, which can have been revoked, its source is asked
/// for another one ([`TokenSource::suspect`]).
#[derive(Clone, Debug)]
pub struct TokenLogin(Arc<dyn TokenSource>);

impl Login {
    /// Creates a login with a user JWT and its key, which ends at `ends_at` by the monotonic clock.
    pub fn user_jwt(credentials: Arc<UserCredentials>, ends_at: Option<Instant>) -> Self {
        Self {
            proof: Arc::new(Proof::UserJwt(credentials)),
            ends_at,
            renew_at: None,
            stale: None,
        }
    }

    /// Creates a login with a token, which ends with it.
    pub fn token(token: &Token) -> Self {
        Self {
            proof: Arc::new(Proof::Token(token.secret().clone())),
            ends_at: token.ends_at(),
            renew_at: token.renew_at(),
            stale: None,
        }
    }

    /// Returns the same login, which an open connection renews at `renew_at`, by the monotonic
    /// clock. Default: 10 to 20 s before its end, or after half of the time until then. A login
    /// without an end is not renewed.
    #[must_use]
    pub fn renewed_at(self, renew_at: Option<Instant>) -> Self {
        Self { renew_at, ..self }
    }

    /// Returns the same login, whose renewal is due and failed with `failure`.
    #[must_use]
    pub fn stale_because(self, failure: Option<Arc<TokenError>>) -> Self {
        Self {
            stale: failure,
            ..self
        }
    }
}

impl TokenLogin {
    /// Creates logins with the tokens of `tokens`.
    pub fn new(tokens: Arc<dyn TokenSource>) -> Self {
        Self(tokens)
    }
}

impl LoginSource for TokenLogin {
    fn login(&self) -> LoginFuture<'_> {
        Box::pin(async {
            let token = self.0.token().await?;
            Ok(Login::token(&token).stale_because(self.0.last_failure()))
        })
    }

    fn reject(&self, login: &Login) {
        if let Proof::Token(refused) = &*login.proof {
            self.0.suspect(&Token::new(refused.clone(), login.ends_at));
        }
    }
}

impl<L: LoginSource> From<L> for RenewedLogin {
    fn from(source: L) -> Self {
        Self(Arc::new(source))
    }
}

impl Deref for RenewedLogin {
    type Target = dyn LoginSource;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl PartialEq for RenewedLogin {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for RenewedLogin {}
