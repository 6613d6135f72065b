//! The request of an account: a JWT that the account's own key signed.

use portcullis_claims::ExternalAuthorization;
use portcullis_core::{AccountName, InvalidAccountName, PublicKey};

use crate::account_jwts::AccountJwt;
use crate::error::StoreError;
use crate::validate::{Findings, Severity, Validate};

/// Maximum size of a request, in bytes.
const MAX_SIZE: usize = 64 << 10;
/// Maximum age of a request, in seconds. An earlier one can no longer be replayed, even if its
/// account has been deleted since.
const MAX_AGE: u64 = 10 * 60;
/// Maximum time by which the clock of an account may be ahead, in seconds.
const MAX_AHEAD: u64 = 60;

/// Maximum number of flaws that a refusal lists.
const MAX_LISTED: usize = 10;

/// An account that asks for the operator's signature, with a proof that it holds its own key.
#[derive(Clone, Debug)]
pub struct AskedAccount {
    pub(super) jwt: AccountJwt,
    name: AccountName,
}

/// A reason why a text is no request of an account.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotAsked {
    /// The request is too large.
    #[error("the request has {0} bytes; at most {MAX_SIZE} are read")]
    TooLarge(usize),
    /// The text is no account JWT, or its signature does not match.
    #[error("the request is no account JWT")]
    Unreadable(#[source] StoreError),
    /// The account did not sign itself.
    #[error("the account has to sign the request with its own key")]
    OtherSigner,
    /// The account has no name that it could get.
    #[error("the request names no account")]
    Name(#[source] InvalidAccountName),
    /// The request is too old.
    #[error("the request was issued {0} s ago, and {MAX_AGE} s are the most: sign it again")]
    TooOld(u64),
    /// The request comes from the future.
    #[error("the request was issued {0} s ahead of this host's clock: check both clocks")]
    TooEarly(u64),
    /// The account asks for something that a policy cannot limit.
    #[error("the account asks for {0}, which no policy can limit; leave it out")]
    NotLimited(&'static str),
    /// Servers would refuse the account.
    #[error("servers would refuse the account: {}", listed(.0))]
    Invalid(Findings),
}

impl AskedAccount {
    /// Reads a request that arrived at the time `now`.
    ///
    /// # Errors
    ///
    /// Fails if the account did not sign it, if it is too old, or if it asks for what no policy can
    /// limit.
    pub fn read(request: &[u8], now: u64) -> Result<Self, NotAsked> {
        if request.len() > MAX_SIZE {
            return Err(NotAsked::TooLarge(request.len()));
        }
        let jwt = AccountJwt::decode(&String::from_utf8_lossy(request));
        let jwt = jwt.map_err(NotAsked::Unreadable)?;
        if jwt.claims.issuer.as_deref() != Some(jwt.account.as_str()) {
            return Err(NotAsked::OtherSigner);
        }
        let name = jwt.claims.name.clone().unwrap_or_default();
        let name = AccountName::try_from(name).map_err(NotAsked::Name)?;
        check_time(jwt.issued_at(), now)?;
        let asked = Self { jwt, name };
        match asked.not_limited() {
            Some(part) => Err(NotAsked::NotLimited(part)),
            None => asked.validated(now),
        }
    }

    /// Returns the public key of the account, `A…`.
    pub const fn account(&self) -> &PublicKey {
        &self.jwt.account
    }

    /// Returns the name that the account asks for.
    pub const fn name(&self) -> &AccountName {
        &self.name
    }

    /// Returns the tags in the request.
    pub fn tags(&self) -> &[String] {
        &self.jwt.claims.nats.tags
    }

    /// Returns the end of the account that the request asks for, in seconds since the Unix epoch.
    pub fn expires_at(&self) -> Option<u64> {
        // Servers read 0 as no end.
        self.jwt.claims.expires_at.filter(|time| *time > 0)
    }

    fn validated(self, now: u64) -> Result<Self, NotAsked> {
        let findings = self.jwt.claims.validate(now);
        if findings.is_refused() {
            return Err(NotAsked::Invalid(findings));
        }
        Ok(self)
    }

    fn not_limited(&self) -> Option<&'static str> {
        let account = &*self.jwt.claims.nats;
        if account.authorization != ExternalAuthorization::default() {
            return Some("an auth callout of its own (`authorization`)");
        }
        if !account.limits.tiers.is_empty() {
            return Some("tiers of JetStream limits (`tiered_limits`)");
        }
        if !["", "system"].contains(&account.cluster_traffic.as_str()) {
            return Some("connections of its own between servers (`cluster_traffic`)");
        }
        None
    }
}

impl NotAsked {
    /// Returns the name of the reason in metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too-large",
            Self::Unreadable(_) => "unreadable",
            Self::OtherSigner => "other-signer",
            Self::Name(_) => "name",
            Self::TooOld(_) | Self::TooEarly(_) => "time",
            Self::NotLimited(_) => "not-limited",
            Self::Invalid(_) => "invalid",
        }
    }
}

fn check_time(issued_at: u64, now: u64) -> Result<(), NotAsked> {
    let age = now.saturating_sub(issued_at);
    if age > MAX_AGE {
        return Err(NotAsked::TooOld(age));
    }
    let ahead = issued_at.saturating_sub(now);
    if ahead > MAX_AHEAD {
        return Err(NotAsked::TooEarly(ahead));
    }
    Ok(())
}

fn listed(findings: &Findings) -> String {
    let errors = findings
        .iter()
        .filter(|finding| finding.severity != Severity::Warning);
    let mut texts: Vec<_> = errors.map(|finding| finding.text.as_str()).collect();
    // The text goes to the log, and claims of strangers can have many flaws.
    if texts.len() > MAX_LISTED {
        texts.truncate(MAX_LISTED);
        texts.push("and more");
    }
    texts.join("; ")
}
