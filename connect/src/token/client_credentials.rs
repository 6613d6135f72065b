//! OAuth 2.0 client credentials (RFC 6749, section 4.4).

use std::sync::Arc;

use portcullis_core::Secret;

use super::endpoint::{Fields, TokenEndpoint, TokenEndpointOptions};
use super::{ClientSecret, NewTokenClientError, Token, TokenError, TokenFuture, TokenSource};
use crate::renewal::Renewing;

/// The options of [`ClientCredentials`].
#[derive(Clone, Debug)]
pub struct ClientCredentialsOptions {
    /// The token endpoint, and the requested token.
    pub endpoint: TokenEndpointOptions,
    /// The client's id and secret.
    pub client: ClientSecret,
    /// The account in whose name the client acts (`account_name`). Default: none.
    pub account: Option<String>,
}

/// A source of access tokens, with the id and the secret of a client.
///
/// The client authenticates with the header `Authorization: Basic …` first, and in the form if that
/// is refused. It remembers the way that worked.
#[derive(Debug)]
pub struct ClientCredentials(Renewing<Secret>);

impl ClientCredentialsOptions {
    /// Creates options with every default.
    pub const fn new(endpoint: TokenEndpointOptions, client: ClientSecret) -> Self {
        Self {
            endpoint,
            client,
            account: None,
        }
    }

    fn fields(&self) -> Fields {
        self.endpoint.fields([
            ("grant_type", Some("client_credentials".to_owned())),
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
        let renewal = options.endpoint.renewal.clone();
        let endpoint = TokenEndpoint::new(options.endpoint, Some(options.client))?;
        let endpoint = Arc::new(endpoint);
        Ok(Self(Renewing::new(renewal, move || {
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

    fn suspect(&self, token: &Token) {
        self.0.refuse(|held| held == token.secret());
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
            Ok(Token::new(current.value, current.ends_at).renewed_at(current.renew_at))
        })
    }
}

#[cfg(test)]
mod tests;
