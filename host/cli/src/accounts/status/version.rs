//! The version of an account's JWT that a server has.

use portcullis_accounts::AccountJwt;
use portcullis_core::with_causes;
use portcullis_system::{Accountz, Reply, ReplyError, ServerInfo};
use serde_json::{Value, json};

/// The version of an account's JWT that a server has, compared with the stored one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// The stored version.
    Current,
    /// The stored version, on the server's disk. The server has not loaded it.
    Stored,
    /// A version that was issued before the stored one.
    Older(Issued),
    /// Another version, which was not issued before the stored one.
    Later(Issued),
    /// No version. The server looks the account up when one of its users logs in.
    None,
    /// A version that cannot be told, and the reason.
    Unknown(String),
}

/// What tells versions apart: the time of issue, in seconds since the Unix epoch, and the id
/// (`jti`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issued {
    pub(super) at: u64,
    pub(super) id: Option<String>,
}

/// The version that one server has.
#[derive(Debug)]
pub(super) struct ServerVersion {
    pub(super) server: ServerInfo,
    pub(super) version: Version,
}

impl Version {
    pub(super) fn of_reply(stored: &AccountJwt, reply: &Reply<Accountz>) -> Self {
        let detail = match &reply.result {
            Ok(answer) => answer.account.as_ref(),
            Err(ReplyError::Refused(refusal)) if refusal.is_unknown_account() => None,
            Err(error) => return Self::Unknown(with_causes(error)),
        };
        // A server has an account without a JWT if it knows it from another server only.
        let token = detail.and_then(|detail| detail.jwt.as_ref());
        let token = token.map(|token| token.expose().trim());
        match token.filter(|token| !token.is_empty()) {
            Some(token) => Self::of_token(stored, token),
            None => Self::None,
        }
    }

    /// Returns the version that a JWT is.
    pub(super) fn of_token(stored: &AccountJwt, token: &str) -> Self {
        if token == stored.token {
            return Self::Current;
        }
        match AccountJwt::decode(token) {
            Ok(jwt) if jwt.issued_at() < stored.issued_at() => Self::Older(Issued::new(&jwt)),
            Ok(jwt) => Self::Later(Issued::new(&jwt)),
            Err(error) => Self::Unknown(with_causes(&error)),
        }
    }

    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Stored => "stored",
            Self::Older(_) => "older",
            Self::Later(_) => "later",
            Self::None => "none",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Returns when the version was issued, and its id. `stored` is the stored version.
    pub(super) fn issued(&self, stored: &AccountJwt) -> Option<Issued> {
        match self {
            Self::Current | Self::Stored => Some(Issued::new(stored)),
            Self::Older(issued) | Self::Later(issued) => Some(issued.clone()),
            Self::None | Self::Unknown(_) => None,
        }
    }
}

impl ServerVersion {
    pub(super) fn json(&self, stored: &AccountJwt) -> Value {
        let issued = self.version.issued(stored);
        let error = match &self.version {
            Version::Unknown(reason) => Some(reason),
            _ => None,
        };
        json!({
            "server": self.server,
            "version": self.version.word(),
            "issued_at": issued.as_ref().map(|issued| issued.at),
            "jti": issued.and_then(|issued| issued.id),
            "error": error,
        })
    }
}

impl Issued {
    pub(super) fn new(jwt: &AccountJwt) -> Self {
        Self {
            at: jwt.issued_at(),
            id: jwt.claims.id.clone(),
        }
    }
}
