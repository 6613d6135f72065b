//! Verification of tokens.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use portcullis_core::Claims;
use portcullis_environment::Clock;
use tokio::task::JoinSet;

use super::error::shown;
use super::fetch::HttpClient;
use super::issuer::{Issuer, Outside};
use super::token::Token;
use super::{IssuerOptions, IssuerStatus, TokenError, TokenSetupError, rules, setup};

/// A verifier of the tokens of any number of issuers.
#[derive(Debug)]
pub struct TokenVerifier {
    issuers: Vec<Arc<Issuer>>,
    timers: Mutex<JoinSet<()>>,
}

/// The content of a token whose signature is verified and which fulfils the rules of its issuer.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedToken {
    /// The operator's name for the issuer.
    pub issuer_name: String,
    /// The token's `iss`.
    pub issuer: String,
    /// Principal of the token. `None` if no claim names it.
    pub principal: Option<String>,
    /// End of the validity, in seconds since the Unix epoch: the token's `exp` or, if only leeway
    /// admits the token, the end of the leeway.
    pub expires_at: u64,
    /// All claims of the token.
    pub claims: Claims,
    /// Groups and roles, in the order of the paths and of their values, without duplicates.
    pub groups: Vec<String>,
}

impl TokenVerifier {
    /// Returns a verifier for these issuers. Reads files, but fetches nothing.
    ///
    /// # Errors
    ///
    /// Fails if the options contradict each other, or if a file cannot be used.
    pub fn new(issuers: Vec<IssuerOptions>) -> Result<Self, TokenSetupError> {
        Self::reaching(issuers, &Outside::default())
    }

    /// Returns a verifier that fetches keys through `http` and reads the time from `clock`. Reads
    /// files, but fetches nothing.
    ///
    /// # Errors
    ///
    /// Fails as [`new`](Self::new) does.
    pub fn with_environment(
        issuers: Vec<IssuerOptions>,
        http: Arc<dyn HttpClient>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TokenSetupError> {
        Self::reaching(issuers, &Outside { http, clock })
    }

    /// Returns a verifier that replaces `former` while the host runs. Issuers with the same options
    /// keep their keys. Reads files, but fetches nothing.
    ///
    /// # Errors
    ///
    /// Fails as [`new`](Self::new) does.
    pub fn succeeding(
        issuers: Vec<IssuerOptions>,
        former: Option<&Self>,
    ) -> Result<Self, TokenSetupError> {
        let mut verifier = Self::new(issuers)?;
        let former = former.map_or_else(Default::default, |former| former.issuers.as_slice());
        for issuer in &mut verifier.issuers {
            let same = former.iter().find(|old| old.options == issuer.options);
            if let Some(same) = same {
                *issuer = Arc::clone(same);
            }
        }
        Ok(verifier)
    }

    /// Fetches the keys of the issuers whose `iss` `former` has too, with other options. Logins by
    /// their tokens are decided already, and must not wait for keys.
    ///
    /// # Errors
    ///
    /// Fails with the first issuer whose keys cannot be fetched.
    pub async fn fetch_changed(&self, former: &Self) -> Result<(), TokenError> {
        for issuer in &self.issuers {
            let known = former.issuer_named(&issuer.options.issuer);
            if known.is_some_and(|known| !Arc::ptr_eq(known, issuer)) {
                issuer.refresh().await;
                issuer.check_keys()?;
            }
        }
        Ok(())
    }

    fn reaching(issuers: Vec<IssuerOptions>, outside: &Outside) -> Result<Self, TokenSetupError> {
        let sources = setup::check(&issuers)?;
        let issuers = issuers.into_iter().zip(sources);
        Ok(Self {
            issuers: issuers
                .map(|(options, source)| Arc::new(Issuer::new(options, source, outside.clone())))
                .collect(),
            timers: Mutex::default(),
        })
    }

    /// Fetches all keys and refreshes them until the verifier is dropped. Returns at once. Without
    /// this call, keys are fetched when a login needs them.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime.
    pub fn start(&self) {
        let mut timers = self.timers.lock();
        if timers.is_empty() {
            for issuer in &self.issuers {
                timers.spawn(Arc::clone(issuer).keep_fresh());
            }
        }
    }

    /// Fetches the keys of all issuers, or waits for the fetches in progress.
    /// [`status`](Self::status) then says which of them failed.
    pub async fn fetch_all(&self) {
        let mut fetches = JoinSet::new();
        for issuer in &self.issuers {
            let issuer = Arc::clone(issuer);
            fetches.spawn(async move { issuer.refresh().await });
        }
        while fetches.join_next().await.is_some() {}
    }

    /// Verifies a token at `now`, in seconds since the Unix epoch. If that needs keys that are not
    /// available, waits for them, but no longer than `deadline`.
    ///
    /// # Errors
    ///
    /// Fails with the reason why the token is rejected, for the operator.
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

    /// Returns the state of the keys of each issuer, in the order of the options.
    pub fn status(&self) -> Vec<IssuerStatus> {
        self.issuers.iter().map(|issuer| issuer.status()).collect()
    }

    /// Returns the issuer of a token, by its `iss`. A JWT-SVID need not have one (SPIFFE JWT-SVID,
    /// 3): its issuer is the trust domain of its `sub`.
    fn issuer(&self, claims: &Claims) -> Result<&Arc<Issuer>, TokenError> {
        let iss = match claims.get("/iss") {
            None => None,
            Some(iss) => Some(iss.as_str().ok_or(TokenError::InvalidIssuer)?),
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
