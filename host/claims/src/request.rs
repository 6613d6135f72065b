//! Authorization requests: decoded, verified, converted.

mod wire;

use std::fmt;
use std::time::Duration;

use portcullis_core::AuthorizationRequest;
use zeroize::Zeroizing;

use crate::jwt::{self, Claims, TokenError, Verifies};
use crate::keys::{KeyKind, KnownSigners, PublicKey};
use wire::{Remainder, RequestBody};

/// The audience of every request.
const AUDIENCE: &str = "nats-authorization-request";

/// Longest time from the making of a request to its end, in seconds.
///
/// Servers set it to their `authorization.timeout` (2 s by default), and hold a client's connection open for as long.
const MAX_LIFETIME: u64 = 60;

/// How an encrypted request begins.
const ENCRYPTED: &[u8] = b"xkv1";

/// A request that a server made for this service and that is still worth an answer. `Debug` shows no secret.
pub struct OpenedRequest {
    request: AuthorizationRequest,
    subject: String,
    issued_at: Option<u64>,
    expires_at: Option<u64>,
    not_before: Option<u64>,
    id: Option<String>,
    remainder: Remainder,
    raw: Zeroizing<String>,
}

/// Why a request gets no decision. No message repeats what the request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// No bytes.
    #[error("the request is empty")]
    Empty,
    /// Sealed to an xkey.
    #[error("the request is sealed to an xkey and has to be opened first")]
    Encrypted,
    /// Not a token, or one whose signature does not match.
    #[error("the request is not a valid token")]
    Token(#[from] TokenError),
    /// Claims of another version.
    #[error("the request's claims do not have version 2")]
    Version,
    /// The signer is not the server it speaks for.
    #[error("the request is not signed by the server it names (`server_id.id`)")]
    Issuer,
    /// Meant for somebody else.
    #[error("the request's audience is not `{AUDIENCE}`")]
    Audience,
    /// Too late.
    #[error(
        "the request expired {} s ago, at {expires_at} by the server's clock, and it is {now} by this host's: it \
         waited for too long, or this host's clock is ahead; compare the clocks of server and host",
        now.saturating_sub(*expires_at)
    )]
    Expired {
        /// When it expired, in seconds since the Unix epoch.
        expires_at: u64,
        /// When it was opened, in seconds since the Unix epoch.
        now: u64,
    },
    /// Too early.
    #[error(
        "the request is valid from {not_before}, it is {now}; compare the clocks of server and host"
    )]
    NotYetValid {
        /// When it begins, in seconds since the Unix epoch.
        not_before: u64,
        /// When it was opened, in seconds since the Unix epoch.
        now: u64,
    },
    /// Made in the future.
    #[error(
        "the request was made at {issued_at} by the server's clock, and it is {now} by this host's, which is {} s \
         behind; compare the clocks of server and host",
        issued_at.saturating_sub(*now)
    )]
    MadeAhead {
        /// When the server made it, in seconds since the Unix epoch.
        issued_at: u64,
        /// When it was opened, in seconds since the Unix epoch.
        now: u64,
    },
    /// Valid for longer than any server waits.
    #[error(
        "the request is valid for {lifetime} s, and at most {MAX_LIFETIME} s are accepted: lower the server's \
         `authorization.timeout`"
    )]
    LongLived {
        /// From its making to its end, in seconds.
        lifetime: u64,
    },
    /// Without a beginning or an end.
    #[error("the request does not say when it was made (`iat`) or when it ends (`exp`)")]
    Undated,
    /// Nobody to make a user JWT for.
    #[error("the request's `user_nkey` is not a public user key")]
    UserNkey,
}

impl OpenedRequest {
    /// Decodes and verifies a request: signed by the server it names, of the right kind, version and audience,
    /// for a valid user key, and in force at `now` (seconds since the Unix epoch) with `skew` of grace.
    ///
    /// Fields that are unknown or missing do not matter: servers of other versions send them.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn open(token: &[u8], now: u64, skew: Duration) -> Result<Self, RequestError> {
        let request = Self::read_verified(token, now, Some(&PublicKey::verifies))?;
        request.check_times(now, skew)?;
        Ok(request)
    }

    /// Decodes and verifies as [`open`](Self::open) does, except for the times, which
    /// [`check_times`](Self::check_times) looks at; in less time if `signers` know the server.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn read_by(token: &[u8], now: u64, signers: &KnownSigners) -> Result<Self, RequestError> {
        let verifies = |key: &PublicKey, message: &[u8], signature: &[u8]| {
            signers.verify(key, message, signature)
        };
        Self::read_verified(token, now, Some(&verifies))
    }

    /// Checks that the request is in force at `now` (seconds since the Unix epoch) with `skew` of grace: made by now,
    /// not expired, and valid for no longer than a minute.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong. The messages say by how much the clocks of server and host differ.
    pub fn check_times(&self, now: u64, skew: Duration) -> Result<(), RequestError> {
        let skew = skew.as_secs();
        let (Some(issued_at), Some(expires_at)) = (self.issued_at, self.expires_at) else {
            return Err(RequestError::Undated);
        };
        if issued_at > now.saturating_add(skew) {
            return Err(RequestError::MadeAhead { issued_at, now });
        }
        if now > expires_at.saturating_add(skew) {
            return Err(RequestError::Expired { expires_at, now });
        }
        let lifetime = expires_at.saturating_sub(issued_at);
        if lifetime > MAX_LIFETIME {
            return Err(RequestError::LongLived { lifetime });
        }
        match self.not_before {
            Some(not_before) if not_before > now.saturating_add(skew) => {
                Err(RequestError::NotYetValid { not_before, now })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn read_verified(
        token: &[u8],
        now: u64,
        verifies: Option<Verifies<'_>>,
    ) -> Result<Self, RequestError> {
        if token.is_empty() {
            return Err(RequestError::Empty);
        }
        if token.starts_with(ENCRYPTED) {
            return Err(RequestError::Encrypted);
        }
        let (claims, raw) = jwt::decode_by::<RequestBody>(token, verifies)?;
        check(&claims)?;
        let (request, remainder) = claims.nats.into_request(now);
        Ok(Self {
            subject: claims.subject.unwrap_or_default(),
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
            not_before: claims.not_before,
            id: claims.id,
            request,
            remainder,
            raw,
        })
    }

    /// The request itself.
    pub const fn request(&self) -> &AuthorizationRequest {
        &self.request
    }

    /// The request itself, without the rest.
    pub fn into_request(self) -> AuthorizationRequest {
        self.request
    }

    /// Whom the server expects to sign: in config mode the `issuer` of its `auth_callout` block.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// When the server made the request, in seconds since the Unix epoch.
    pub const fn issued_at(&self) -> Option<u64> {
        self.issued_at
    }

    /// When the server stops waiting, in seconds since the Unix epoch, rounded down.
    pub const fn expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    /// The token's id (`jti`). Not unique: it covers the registered claims only, so that requests of one server
    /// within one second share it. What tells requests apart is their `user_nkey`.
    pub fn jti(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The server's public xkey (`X…`), as it signed it: to whom a sealed response goes. None if the server
    /// does not encrypt. The header `Nats-Server-Xkey` must say the same.
    pub fn server_xkey(&self) -> Option<&str> {
        self.remainder.server_xkey.as_deref()
    }

    /// The name of the user JWT presented (operator mode: of the sentinel).
    pub fn name_tag(&self) -> Option<&str> {
        self.request.client.name_tag.as_deref()
    }

    /// The nonce of the request itself. No server sets it so far; the nonce a client signs is
    /// [`Client::nonce`](portcullis_core::Client::nonce).
    pub fn request_nonce(&self) -> Option<&str> {
        self.remainder.request_nonce.as_deref()
    }

    /// The tags of the request itself. No server sets them so far; those of the user JWT presented are
    /// [`Client::tags`](portcullis_core::Client::tags).
    pub fn tags(&self) -> &[String] {
        &self.remainder.tags
    }

    /// The claims as JSON, as they stand in the token: what this crate does not know may hold what no Rust string
    /// can, such as `\ud800`. **They contain the client's secrets**; wiped when this value is dropped.
    pub fn raw(&self) -> &str {
        &self.raw
    }
}

impl fmt::Debug for OpenedRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OpenedRequest")
            .field("request", &self.request)
            .field("subject", &self.subject)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .field("jti", &self.id)
            .finish_non_exhaustive()
    }
}

fn check(claims: &Claims<RequestBody>) -> Result<(), RequestError> {
    if !claims.nats.is_current() {
        return Err(RequestError::Version);
    }
    if claims.issuer.as_deref() != claims.nats.server_id() {
        return Err(RequestError::Issuer);
    }
    if claims.audience.as_deref() != Some(AUDIENCE) {
        return Err(RequestError::Audience);
    }
    if !PublicKey::is_valid(claims.nats.user_nkey(), KeyKind::User) {
        return Err(RequestError::UserNkey);
    }
    Ok(())
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
