//! The client of an exchange: an HTTP service that issues user JWTs for bearer tokens.

mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_claims::{UserCredentials, UserKey};
use portcullis_environment::Clock;
use tracing::{Instrument as _, info_span};
use url::Url;

use crate::http::HttpOptions;
use crate::login::{Login, LoginFuture, LoginSource};
use crate::proof::Proof;
use crate::renewal::{Fetched, RenewalOptions, Renewing};
use crate::shown::{shown, shown_text};
use crate::token::{NewTokenClientError, Token, TokenError, TokenSource, unexpected};

/// The options of [`ExchangeClient`]. `Debug` does not show the query of the address.
#[derive(Clone)]
pub struct ExchangeOptions {
    /// The base address of the service, to which the paths of `protocol` are appended.
    pub url: String,
    /// The form of requests and answers. Default: [`ExchangeProtocol::V1`].
    pub protocol: ExchangeProtocol,
    /// The source of the token that each request carries.
    pub tokens: Arc<dyn TokenSource>,
    /// The name of the user, such as that of the machine.
    pub user_name: String,
    /// The account of the user. Default: the service's choice.
    pub account: Option<String>,
    /// The wanted lifetime of a user JWT. [`ExchangeProtocol::Core`] has no place for it. Default:
    /// the service's choice.
    pub lifetime: Option<Duration>,
    /// The options of the requests.
    pub http: HttpOptions,
    /// The times at which the user JWT is renewed.
    pub renewal: RenewalOptions,
}

/// The form of the requests to an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExchangeProtocol {
    /// `POST /v1/tokens` with a JSON answer. The client proves with a signature over a nonce of
    /// `POST /v1/nonces` that it holds the key.
    #[default]
    V1,
    /// `POST /core/tokens`, and `POST /admin/accounts/{name}/tokens` for an account, whose answer
    /// is a bare user JWT: the protocol of Overmind's `connect`.
    Core,
}

/// A client that exchanges the tokens of a source for user JWTs. Clones share key and JWT.
///
/// The client makes a user nkey. The seed never leaves the process: each request has the public key
/// only, and each JWT is for the same key.
#[derive(Clone, Debug)]
pub struct ExchangeClient(Arc<Exchange>);

#[derive(Debug)]
struct Exchange {
    requests: Arc<Requests>,
    renewing: Renewing<Arc<UserCredentials>>,
}

struct Requests {
    options: ExchangeOptions,
    url: Url,
    key: UserKey,
}

impl ExchangeOptions {
    /// Creates options with every default.
    pub fn new(
        url: impl Into<String>,
        user_name: impl Into<String>,
        tokens: Arc<dyn TokenSource>,
    ) -> Self {
        Self {
            url: url.into(),
            protocol: ExchangeProtocol::default(),
            tokens,
            user_name: user_name.into(),
            account: None,
            lifetime: None,
            http: HttpOptions::default(),
            renewal: RenewalOptions::default(),
        }
    }
}

impl ExchangeClient {
    /// Creates a client with a new user key, without asking the service.
    ///
    /// # Errors
    ///
    /// Fails if the address cannot be used, if no URL can name the account, or if no key can be
    /// made.
    pub fn new(options: ExchangeOptions) -> Result<Self, NewTokenClientError> {
        let seed = UserKey::generate_seed().map_err(NewTokenClientError::Key)?;
        let key = UserKey::from_seed(seed.expose()).map_err(NewTokenClientError::Key)?;
        let url = options.http.endpoint(&options.url)?;
        // A URL has no such segments: the request would go to another path.
        if let Some(account) = &options.account
            && matches!(account.as_str(), "" | "." | "..")
        {
            return Err(NewTokenClientError::Account(account.clone()));
        }
        let renewal = options.renewal.clone();
        let requests = Arc::new(Requests { options, url, key });
        let shared = Arc::clone(&requests);
        let renewing = Renewing::new(renewal, move || {
            let requests = Arc::clone(&shared);
            async move { requests.exchange().await }.instrument(info_span!("token.exchange"))
        });
        Ok(Self(Arc::new(Exchange { requests, renewing })))
    }

    /// Returns the public key of the user, `U…`.
    pub fn public_key(&self) -> &str {
        self.0.requests.key.public_key()
    }

    /// Returns a user JWT that has not ended, and its key. Asks the service only if renewal is due.
    ///
    /// # Errors
    ///
    /// Fails if there is no user JWT that has not ended, and the service issued none.
    pub async fn credentials(&self) -> Result<Arc<UserCredentials>, Arc<TokenError>> {
        Ok(self.0.renewing.get().await?.value)
    }

    /// Returns the failure of the last exchange. `None` after a success.
    pub fn last_failure(&self) -> Option<Arc<TokenError>> {
        self.0.renewing.last_failure()
    }
}

impl LoginSource for ExchangeClient {
    fn login(&self) -> LoginFuture<'_> {
        Box::pin(async {
            let current = self.0.renewing.get().await?;
            Ok(Login::user_jwt(current.value, current.ends_at)
                .renewed_at(current.renew_at)
                .stale_because(current.stale))
        })
    }

    fn reject(&self, login: &Login) {
        if let Proof::UserJwt(refused) = &*login.proof {
            self.0.renewing.refuse(|held| held.jwt() == refused.jwt());
        }
    }
}

impl Requests {
    /// Obtains a user JWT. Tries once more with another token if the service does not accept the
    /// first one, because it can have been revoked before its end.
    async fn exchange(&self) -> Result<Fetched<Arc<UserCredentials>>, TokenError> {
        let tokens = &self.options.tokens;
        let token = tokens.token().await.map_err(TokenError::Source)?;
        let answer = self.exchange_for(&token).await;
        if !answer.as_ref().is_err_and(TokenError::is_unauthorized) {
            return answer;
        }
        tokens.reject(&token);
        let next = tokens.token().await.map_err(TokenError::Source)?;
        if next.secret() == token.secret() {
            return answer;
        }
        self.exchange_for(&next).await
    }

    async fn exchange_for(
        &self,
        token: &Token,
    ) -> Result<Fetched<Arc<UserCredentials>>, TokenError> {
        let (url, jwt) = match self.options.protocol {
            ExchangeProtocol::V1 => self.ask_v1(token).await?,
            ExchangeProtocol::Core => self.ask_core(token).await?,
        };
        let parsed = UserCredentials::parse_pair(jwt.expose(), self.key.seed());
        let credentials = parsed.map_err(|source| TokenError::UserJwt {
            url: shown(&url),
            source: Box::new(source),
        })?;
        let lifetime = lifetime(&credentials, &*self.options.renewal.clock);
        if lifetime == Some(Duration::ZERO) {
            let problem = "a user jwt that has ended already";
            return Err(unexpected(&url, problem));
        }
        Ok(Fetched {
            value: Arc::new(credentials),
            lifetime,
        })
    }
}

impl fmt::Debug for ExchangeOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExchangeOptions")
            .field("url", &shown_text(&self.url))
            .field("protocol", &self.protocol)
            .field("tokens", &self.tokens)
            .field("user_name", &self.user_name)
            .field("account", &self.account)
            .field("lifetime", &self.lifetime)
            .field("http", &self.http)
            .field("renewal", &self.renewal)
            .finish()
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Requests")
            .field("options", &self.options)
            .field("public_key", &self.key.public_key())
            .finish_non_exhaustive()
    }
}

/// Returns the lifetime of a user JWT that was just issued. Uses the issuer's clock if the JWT
/// names the time of issue, so that a wrong clock here does no harm. `None` if the JWT does not
/// end.
fn lifetime(credentials: &UserCredentials, clock: &dyn Clock) -> Option<Duration> {
    let ends = credentials.expires_at()?;
    let start = credentials
        .issued_at()
        .filter(|issued| *issued > 0)
        .unwrap_or_else(|| clock.unix_seconds());
    Some(Duration::from_secs(ends.saturating_sub(start)))
}

#[cfg(test)]
mod tests;
