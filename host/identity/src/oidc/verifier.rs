//! From a token to what it says.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use portcullis_core::Claims;
use tokio::task::JoinSet;

use super::error::shown;
use super::issuer::Issuer;
use super::token::Token;
use super::{IssuerOptions, IssuerStatus, TokenError, TokenSetupError, rules, setup};

/// Verifies the tokens of any number of issuers.
#[derive(Debug)]
pub struct TokenVerifier {
    issuers: Vec<Arc<Issuer>>,
    timers: Mutex<JoinSet<()>>,
}

/// What a token says, after its signature has been verified and it has been held to the rules of its issuer.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedToken {
    /// The operator's name for the issuer.
    pub issuer_name: String,
    /// The token's `iss`.
    pub issuer: String,
    /// Whom it is about; none if no claim says so.
    pub principal: Option<String>,
    /// When it ends, in seconds since the Unix epoch: its `exp`; if that is past and only leeway lets it in, the end of the leeway.
    pub expires_at: u64,
    /// Everything it says.
    pub claims: Claims,
    /// Groups and roles, in the order of the paths and of their values, each once.
    pub groups: Vec<String>,
}

impl TokenVerifier {
    /// A verifier for these issuers. Nothing is fetched yet; files are read.
    ///
    /// # Errors
    ///
    /// When the options contradict each other, or a file cannot be used.
    pub fn new(issuers: Vec<IssuerOptions>) -> Result<Self, TokenSetupError> {
        let sources = setup::check(&issuers)?;
        let issuers = issuers.into_iter().zip(sources);
        Ok(Self {
            issuers: issuers
                .map(|(options, source)| Arc::new(Issuer::new(options, source)))
                .collect(),
            timers: Mutex::default(),
        })
    }

    /// Fetches all keys and keeps them fresh until the verifier is dropped. Does not wait for anything. Without it, keys
    /// are fetched when a login needs them.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(&self) {
        let mut timers = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
        if timers.is_empty() {
            for issuer in &self.issuers {
                timers.spawn(Arc::clone(issuer).keep_fresh());
            }
        }
    }

    /// Verifies a token at `now`, in seconds since the Unix epoch. If that takes keys that are not held, waits for them until
    /// `deadline` at most.
    ///
    /// # Errors
    ///
    /// Why it is not believed, for the operator.
    pub async fn verify(
        &self,
        token: &str,
        now: u64,
        deadline: Instant,
    ) -> Result<VerifiedToken, TokenError> {
        let token = Token::parse(token)?;
        let issuer = self.issuer(&token.claims)?;
        let options = &issuer.options;
        let expires_at = rules::check(&token, options, now)?;
        issuer.verify(&token, deadline).await?;
        Ok(VerifiedToken {
            issuer_name: options.name.clone(),
            issuer: options.issuer.clone(),
            principal: rules::principal(&token.claims, &options.principal),
            expires_at,
            groups: rules::groups(&token.claims, &options.groups),
            claims: token.claims,
        })
    }

    /// How it is going with the keys, issuer by issuer in the order of the options.
    pub fn status(&self) -> Vec<IssuerStatus> {
        self.issuers.iter().map(|issuer| issuer.status()).collect()
    }

    /// The issuer of a token: that of its `iss`. A JWT-SVID need not have one (SPIFFE JWT-SVID, 3): the trust domain of its
    /// `sub` issued it.
    fn issuer(&self, claims: &Claims) -> Result<&Arc<Issuer>, TokenError> {
        let iss = match claims.get("/iss") {
            None => None,
            Some(iss) => Some(iss.as_str().ok_or(TokenError::NoIssuer)?),
        };
        if let Some(issuer) = iss.and_then(|iss| self.issuer_named(iss)) {
            return Ok(issuer);
        }
        let domain = rules::trust_domain(claims);
        if let Some(issuer) = domain.and_then(|domain| self.issuer_named(domain)) {
            return Ok(issuer);
        }
        Err(match (iss, domain) {
            (Some(iss), _) => TokenError::UnknownIssuer(shown(iss)),
            (None, Some(domain)) => TokenError::UnknownTrustDomain(shown(domain)),
            (None, None) => TokenError::NoIssuer,
        })
    }

    fn issuer_named(&self, name: &str) -> Option<&Arc<Issuer>> {
        let mut issuers = self.issuers.iter();
        issuers.find(|issuer| issuer.options.issuer == name)
    }
}

#[cfg(test)]
mod tests;
