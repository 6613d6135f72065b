//! The server's checks of a response, made before it leaves.
//!
//! A response that the server refuses looks to the client like a refused login, and only the server's log
//! says otherwise. Whatever is refused here is a fault of the host. The rules and their order are those of
//! `processClientOrLeafCallout` in nats-server and of `Validate` in nats-io/jwt v2, for config mode and the
//! strictest server version: 2.15.1 checks the issuer of the response, earlier ones do not.

use std::fmt;

use portcullis_core::{InvalidSubject, PermissionSubject};

use crate::jwt::{self, Body, Claims, Signatures, TokenError, VERSION};
use crate::keys::{KeyKind, PublicKey};
use crate::response::{ResponseBody, ResponseClaims};
use crate::user::{SubjectRule, UserBody, UserClaims};

/// What a response has to agree with.
#[derive(Clone, Copy, Debug)]
pub struct Expectations<'a> {
    /// The user the request is about, `U…`.
    pub user_nkey: &'a str,
    /// The server that asked, `N…`.
    pub server_id: &'a str,
    /// The issuer the server is configured with, `A…`.
    pub issuer: &'a str,
    /// Now, in seconds since the Unix epoch.
    pub now: u64,
}

/// Where in a response something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The response around the user JWT.
    Response,
    /// The user JWT.
    User,
}

/// Why a server would refuse a response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Too short to say anything.
    #[error("the response is empty")]
    Empty,
    /// Not a valid token.
    #[error("cannot decode the {part}")]
    Token {
        /// Which token.
        part: Part,
        /// What is wrong.
        #[source]
        source: TokenError,
    },
    /// Claims whose version is missing or not 2.
    #[error("the {0} does not have version 2")]
    Version(Part),
    /// A time that does not fit the signed number servers read it into.
    #[error("a time in the {0} is too large for the server to read")]
    TimeOutOfRange(Part),
    /// The subject of the response is not a user.
    #[error("the response's subject is not a public user key")]
    SubjectKind,
    /// The audience of the response is not a server.
    #[error("the response's audience is not a public server key")]
    AudienceKind,
    /// Neither in nor out.
    #[error("the response has neither a user JWT nor an error")]
    NoAnswer,
    /// Both in and out.
    #[error("the response has both a user JWT and an error")]
    TwoAnswers,
    /// `issuer_account` in config mode.
    #[error("the {0} has an `issuer_account`, which servers in config mode refuse")]
    IssuerAccount(Part),
    /// Too late.
    #[error("the {part} expired at {expires_at}, it is {now}")]
    Expired {
        /// Which token.
        part: Part,
        /// When it expired, in seconds since the Unix epoch.
        expires_at: u64,
        /// Now, in seconds since the Unix epoch.
        now: u64,
    },
    /// Too early.
    #[error("the {part} is valid from {not_before}, it is {now}")]
    NotYetValid {
        /// Which token.
        part: Part,
        /// When it begins, in seconds since the Unix epoch.
        not_before: u64,
        /// Now, in seconds since the Unix epoch.
        now: u64,
    },
    /// About somebody else.
    #[error("the {0} is not for the user of the request")]
    User(Part),
    /// For another server.
    #[error("the response is not for the server that asked")]
    Server,
    /// Signed by another account.
    #[error("the {0} is not signed by the configured issuer")]
    Issuer(Part),
    /// A subject that no permission can carry.
    #[error("the user JWT's `{side}` permissions cannot be used")]
    Subject {
        /// `pub` or `sub`.
        side: &'static str,
        /// What is wrong.
        #[source]
        source: InvalidSubject,
    },
    /// No account to place the user in.
    #[error("the user JWT names no account in its audience")]
    NoAccount,
}

/// Applies the server's checks to a finished response, in the server's order.
///
/// With [`Signatures::Trust`] everything is checked but the signatures themselves: for tokens that the caller
/// signed a moment ago with the key of [`Expectations::issuer`].
///
/// # Errors
///
/// The first reason for which the server would refuse it.
pub fn preflight(
    token: &str,
    expectations: Expectations<'_>,
    signatures: Signatures,
) -> Result<(), Refusal> {
    if token.len() <= 2 {
        return Err(Refusal::Empty);
    }
    let response: ResponseClaims = decode::<ResponseBody>(token, Part::Response, signatures)?;
    check_form(&response)?;
    check_times(&response, Part::Response, expectations.now)?;
    if response.subject.as_deref() != Some(expectations.user_nkey) {
        return Err(Refusal::User(Part::Response));
    }
    if response.audience.as_deref() != Some(expectations.server_id) {
        return Err(Refusal::Server);
    }
    check_issuer(&response, Part::Response, expectations)?;
    match response.nats.jwt() {
        Some(jwt) => check_user(jwt, expectations, signatures),
        None => Ok(()),
    }
}

fn decode<B: Body + Default + serde::de::DeserializeOwned>(
    token: &str,
    part: Part,
    signatures: Signatures,
) -> Result<Claims<B>, Refusal> {
    let (claims, _) = jwt::decode::<B>(token.as_bytes(), signatures)
        .map_err(|source| Refusal::Token { part, source })?;
    if claims.nats.version() == Some(VERSION) {
        Ok(claims)
    } else {
        Err(Refusal::Version(part))
    }
}

fn check_form(response: &ResponseClaims) -> Result<(), Refusal> {
    let is = |text: Option<&str>, kind| text.is_some_and(|text| PublicKey::is_valid(text, kind));
    if !is(response.subject.as_deref(), KeyKind::User) {
        return Err(Refusal::SubjectKind);
    }
    if !is(response.audience.as_deref(), KeyKind::Server) {
        return Err(Refusal::AudienceKind);
    }
    match (response.nats.jwt(), response.nats.error()) {
        (None, None) => return Err(Refusal::NoAnswer),
        (Some(_), Some(_)) => return Err(Refusal::TwoAnswers),
        _ => {}
    }
    if response.nats.issuer_account().is_some() {
        return Err(Refusal::IssuerAccount(Part::Response));
    }
    Ok(())
}

/// A token is good up to and including the second it expires in.
fn check_times<B>(claims: &Claims<B>, part: Part, now: u64) -> Result<(), Refusal> {
    let times = [claims.expires_at, claims.not_before, claims.issued_at];
    if times
        .into_iter()
        .flatten()
        .any(|time| i64::try_from(time).is_err())
    {
        return Err(Refusal::TimeOutOfRange(part));
    }
    if let Some(expires_at) = claims.expires_at
        && expires_at > 0
        && now > expires_at
    {
        return Err(Refusal::Expired {
            part,
            expires_at,
            now,
        });
    }
    if let Some(not_before) = claims.not_before
        && not_before > now
    {
        return Err(Refusal::NotYetValid {
            part,
            not_before,
            now,
        });
    }
    Ok(())
}

fn check_issuer<B>(
    claims: &Claims<B>,
    part: Part,
    expectations: Expectations<'_>,
) -> Result<(), Refusal> {
    if claims.issuer.as_deref() == Some(expectations.issuer) {
        Ok(())
    } else {
        Err(Refusal::Issuer(part))
    }
}

fn check_user(
    jwt: &str,
    expectations: Expectations<'_>,
    signatures: Signatures,
) -> Result<(), Refusal> {
    let user: UserClaims = decode::<UserBody>(jwt, Part::User, signatures)?;
    check_times(&user, Part::User, expectations.now)?;
    check_subjects("sub", &user.nats.subscribe, PermissionSubject::subscribe)?;
    check_subjects("pub", &user.nats.publish, PermissionSubject::publish)?;
    if user.subject.as_deref() != Some(expectations.user_nkey) {
        return Err(Refusal::User(Part::User));
    }
    if user
        .nats
        .issuer_account
        .as_deref()
        .is_some_and(|account| !account.is_empty())
    {
        return Err(Refusal::IssuerAccount(Part::User));
    }
    check_issuer(&user, Part::User, expectations)?;
    if user.audience.as_deref().is_none_or(str::is_empty) {
        return Err(Refusal::NoAccount);
    }
    Ok(())
}

fn check_subjects(
    side: &'static str,
    rule: &SubjectRule,
    parse: fn(&str) -> Result<PermissionSubject, InvalidSubject>,
) -> Result<(), Refusal> {
    for subject in rule.allow.iter().chain(&rule.deny) {
        parse(subject).map_err(|source| Refusal::Subject { side, source })?;
    }
    Ok(())
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Response => "response",
            Self::User => "user JWT",
        })
    }
}

#[cfg(test)]
mod tests;
