//! OAuth 2.0 token exchange (RFC 8693): one token for another.

use std::sync::Arc;

use portcullis_core::Secret;

use super::endpoint::{Fields, TokenEndpoint, TokenEndpointOptions};
use super::{ClientSecret, NewTokenClientError, Token, TokenError, TokenFuture, TokenSource};
use crate::renewal::{Fetched, Renewing};

/// The options of [`TokenExchange`].
#[derive(Clone, Debug)]
pub struct TokenExchangeOptions {
    /// The token endpoint, and the requested token.
    pub endpoint: TokenEndpointOptions,
    /// The source of the token that is exchanged.
    pub subject: Arc<dyn TokenSource>,
    /// The kind of the token that is exchanged. Default: [`TokenExchangeOptions::JWT`].
    pub subject_type: String,
    /// The kind of the requested token. Default: the service's choice.
    pub requested_type: Option<String>,
    /// The client's id and secret, if the service wants them. Default: none.
    pub client: Option<ClientSecret>,
}

/// A source of access tokens, which exchanges the tokens of another source for them.
#[derive(Debug)]
pub struct TokenExchange(Renewing<Secret>);

impl TokenExchangeOptions {
    /// The kind of a JWT.
    pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
    /// The kind of an access token of any form.
    pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

    /// Creates options with every default.
    pub fn new(endpoint: TokenEndpointOptions, subject: Arc<dyn TokenSource>) -> Self {
        Self {
            endpoint,
            subject,
            subject_type: Self::JWT.to_owned(),
            requested_type: None,
            client: None,
        }
    }
}

/// A request, without the token that is exchanged.
struct Request {
    endpoint: TokenEndpoint,
    subject: Arc<dyn TokenSource>,
    fields: Fields,
}

impl Request {
    fn new(options: TokenExchangeOptions) -> Result<Self, NewTokenClientError> {
        let grant = "urn:ietf:params:oauth:grant-type:token-exchange";
        let fields = options.endpoint.fields([
            ("grant_type", Some(grant.to_owned())),
            ("subject_token_type", Some(options.subject_type)),
            ("requested_token_type", options.requested_type),
        ]);
        Ok(Self {
            endpoint: TokenEndpoint::new(options.endpoint, options.client)?,
            subject: options.subject,
            fields,
        })
    }

    async fn send(&self) -> Result<Fetched<Secret>, TokenError> {
        let subject = self.subject.token().await.map_err(TokenError::Source)?;
        let mut fields = self.fields.clone();
        fields.push(("subject_token".to_owned(), subject.secret().clone()));
        let answer = self.endpoint.request(&fields).await;
        if answer.as_ref().is_err_and(TokenError::is_refusal) {
            self.subject.reject(&subject);
        }
        answer
    }
}

impl TokenExchange {
    /// Creates a client without asking the service.
    ///
    /// # Errors
    ///
    /// Fails if the address is not `https`, or has a password.
    pub fn new(options: TokenExchangeOptions) -> Result<Self, NewTokenClientError> {
        let renewal = options.endpoint.renewal.clone();
        let request = Arc::new(Request::new(options)?);
        Ok(Self(Renewing::new(renewal, move || {
            let request = Arc::clone(&request);
            async move { request.send().await }
        })))
    }
}

impl TokenSource for TokenExchange {
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

#[cfg(test)]
mod tests;
