//! OAuth 2.0 client credentials (RFC 6749, section 4.4).

use std::sync::Arc;

use portcullis_core::Secret;

use super::endpoint::{Fields, TokenEndpoint, given, scope};
use super::{ClientSecret, NewTokenClientError, Token, TokenError, TokenFuture, TokenSource};
use crate::http::HttpOptions;
use crate::renewal::{RenewalOptions, Renewing};

/// The options of [`ClientCredentials`].
#[derive(Clone, Debug)]
pub struct ClientCredentialsOptions {
    /// The address of the token endpoint.
    pub token_url: String,
    /// The client's id and secret.
    pub client: ClientSecret,
    /// The service that the token is for (`audience`). Default: none.
    pub audience: Option<String>,
    /// The requested scopes. Default: none.
    pub scopes: Vec<String>,
    /// The account in whose name the client acts (`account_name`). Default: none.
    pub account: Option<String>,
    /// The options of the requests.
    pub http: HttpOptions,
    /// The times at which the token is renewed.
    pub renewal: RenewalOptions,
}

/// A source of access tokens, with the id and the secret of a client.
///
/// The client authenticates with the header `Authorization: Basic …` first, and in the form if that
/// is refused. It remembers the way that worked.
#[derive(Debug)]
pub struct ClientCredentials(Renewing<Secret>);

impl ClientCredentialsOptions {
    /// Creates options with every default.
    pub fn new(token_url: impl Into<String>, client: ClientSecret) -> Self {
        Self {
            token_url: token_url.into(),
            client,
            audience: None,
            scopes: Vec::new(),
            account: None,
            http: HttpOptions::default(),
            renewal: RenewalOptions::default(),
        }
    }

    fn fields(&self) -> Fields {
        given([
            ("grant_type", Some("client_credentials".to_owned())),
            ("audience", self.audience.clone()),
            ("scope", scope(&self.scopes)),
            ("account_name", self.account.clone()),
        ])
    }
}

impl ClientCredentials {
    /// Creates a client without asking the service.
    ///
    /// # Errors
    ///
    /// Fails if the address is not `https`, or has a password.
    pub fn new(options: ClientCredentialsOptions) -> Result<Self, NewTokenClientError> {
        let fields = Arc::new(options.fields());
        let endpoint = TokenEndpoint::new(&options.token_url, Some(options.client), options.http)?;
        let endpoint = Arc::new(endpoint);
        Ok(Self(Renewing::new(options.renewal, move || {
            let (endpoint, fields) = (Arc::clone(&endpoint), Arc::clone(&fields));
            async move { endpoint.request(&fields).await }
        })))
    }
}

impl TokenSource for ClientCredentials {
    fn token(&self) -> TokenFuture<'_> {
        self.0.token()
    }

    fn reject(&self, token: &Token) {
        self.0.discard(|held| held == token.secret());
    }

    fn last_failure(&self) -> Option<Arc<TokenError>> {
        self.0.last_failure()
    }
}

impl Renewing<Secret> {
    /// Returns the value as a token.
    pub(super) fn token(&self) -> TokenFuture<'_> {
        Box::pin(async {
            let current = self.get().await?;
            Ok(Token::new(current.value, current.ends_at))
        })
    }
}

#[cfg(test)]
mod tests;
