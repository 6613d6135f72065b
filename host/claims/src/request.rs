//! Authorization requests: decoded, verified, converted.

mod wire;

use std::fmt;
use std::time::Duration;

use portcullis_core::AuthorizationRequest;
use zeroize::Zeroizing;

use crate::jwt::{self, Claims, MAX_TOKEN_SIZE, TokenError, Verifies};
use crate::keys::{KeyKind, KnownSigners, PublicKey, VerifyingKey as _};
use wire::{Remainder, RequestBody};

/// Audience of every request.
const AUDIENCE: &str = "nats-authorization-request";

/// Maximum lifetime of a request, in seconds.
///
/// Servers set it to their `authorization.timeout` (2 s by default), and hold a client's connection
/// open for that time.
const MAX_LIFETIME: u64 = 60;

/// Maximum size of a request that is decoded, in bytes. A request above [`MAX_TOKEN_SIZE`] is
/// decoded only to report which client and server sent it.
const MAX_DECODED_SIZE: usize = 2 * MAX_TOKEN_SIZE;

/// First bytes of an encrypted request.
const ENCRYPTED: &[u8] = b"xkv1";

/// A request that a server made for this service. `Debug` shows no secret.
pub struct OpenedRequest {
    request: AuthorizationRequest,
    subject: String,
    issued_at: Option<u64>,
    expires_at: Option<u64>,
    not_before: Option<u64>,
    id: Option<String>,
    /// Reason to refuse the request at any time.
    fault: Option<RequestError>,
    remainder: Remainder,
    raw: Zeroizing<String>,
}

/// A reason why a request gets no decision. No message repeats what the request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The request has no bytes.
    #[error("the request is empty")]
    Empty,
    /// The request is sealed to an xkey.
    #[error("the request is sealed to an xkey and has to be opened first")]
    Encrypted,
    /// The request is not a token, or its signature does not match.
    #[error("the request is not a valid token")]
    Token(#[from] TokenError),
    /// The request is larger than [`MAX_TOKEN_SIZE`].
    #[error(
        "the request is larger than {MAX_TOKEN_SIZE} bytes: the client presented a very long token, JWT or password; \
         lower `max_control_line` in the server's configuration"
    )]
    TooLarge,
    /// The claims have another version.
    #[error("the request's claims do not have version 2")]
    Version,
    /// The signer is not the server that the request names.
    #[error("the request is not signed by the server it names (`server_id.id`)")]
    Issuer,
    /// The audience is not that of authorization requests.
    #[error("the request's audience is not `{AUDIENCE}`")]
    Audience,
    /// The request has expired.
    #[error(
        "the request expired {} s ago, at {expires_at} by the server's clock, and it is {now} by this host's: it \
         waited for too long, or this host's clock is ahead; compare the clocks of server and host",
        now.saturating_sub(*expires_at)
    )]
    Expired {
        /// Expiry of the request, in seconds since the Unix epoch.
        expires_at: u64,
        /// Time of the check, in seconds since the Unix epoch.
        now: u64,
    },
    /// The request is not valid yet.
    #[error(
        "the request is valid from {not_before}, it is {now}; compare the clocks of server and host"
    )]
    NotYetValid {
        /// Start of the validity, in seconds since the Unix epoch.
        not_before: u64,
        /// Time of the check, in seconds since the Unix epoch.
        now: u64,
    },
    /// The request was issued in the future.
    #[error(
        "the request was made at {issued_at} by the server's clock, and it is {now} by this host's, which is {} s \
         behind; compare the clocks of server and host",
        issued_at.saturating_sub(*now)
    )]
    MadeAhead {
        /// Time at which the server issued the request, in seconds since the Unix epoch.
        issued_at: u64,
        /// Time of the check, in seconds since the Unix epoch.
        now: u64,
    },
    /// The request is valid for longer than any server waits.
    #[error(
        "the request is valid for {lifetime} s, and at most {MAX_LIFETIME} s are accepted: lower the server's \
         `authorization.timeout`"
    )]
    LongLived {
        /// Time from issue to expiry, in seconds.
        lifetime: u64,
    },
    /// The request has no time of issue or no expiry.
    #[error("the request does not say when it was made (`iat`) or when it ends (`exp`)")]
    Undated,
    /// The `user_nkey` is not a public user key, so that no user JWT can be issued.
    #[error("the request's `user_nkey` is not a public user key")]
    UserNkey,
}

impl OpenedRequest {
    /// Decodes and verifies a request. It is signed by the server that it names, has the right
    /// kind, version and audience, and a valid user key. It is in force at `now` (seconds since the
    /// Unix epoch) with `skew` of grace.
    ///
    /// Unknown and missing fields are ignored, because servers of other versions send them.
    ///
    /// # Errors
    ///
    /// Fails with the first problem.
    pub fn open(token: &[u8], now: u64, skew: Duration) -> Result<Self, RequestError> {
        let request = Self::read_verified(token, now, Some(&PublicKey::verifies))?;
        request.check(now, skew)?;
        Ok(request)
    }

    /// Decodes a request and verifies its signature. The request counts only after
    /// [`check`](Self::check), and a refusal by that method can name client and server. Takes less
    /// time if `signers` have the server's key in their cache.
    ///
    /// # Errors
    ///
    /// Fails if the request cannot be decoded, or if the signature does not match.
    pub fn read_by(token: &[u8], now: u64, signers: &KnownSigners) -> Result<Self, RequestError> {
        let verifies = |key: &PublicKey, message: &[u8], signature: &[u8]| {
            signers.verify(key, message, signature)
        };
        Self::read_verified(token, now, Some(&verifies))
    }

    /// Checks what [`open`](Self::open) demands beyond the signature: signer, version, audience,
    /// user key and size, and that the request is in force at `now` (seconds since the Unix epoch)
    /// with `skew` of grace. It is already issued, not expired, and valid for no longer than a
    /// minute.
    ///
    /// # Errors
    ///
    /// Fails with the first problem. Messages about times say by how much the clocks of server and
    /// host differ.
    pub fn check(&self, now: u64, skew: Duration) -> Result<(), RequestError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
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
        if token.len() > MAX_DECODED_SIZE {
            return Err(RequestError::TooLarge);
        }
        if token.starts_with(ENCRYPTED) {
            return Err(RequestError::Encrypted);
        }
        let decoded = jwt::decode_by::<RequestBody>(token, verifies)?;
        let (claims, raw) = (decoded.claims, decoded.text);
        let fault = fault(&claims, token.len());
        let user_nkey: Option<PublicKey> = claims.nats.user_nkey().parse().ok();
        let Some(user_nkey) = user_nkey.filter(|key| key.kind() == KeyKind::User) else {
            return Err(fault.unwrap_or(RequestError::UserNkey));
        };
        // A request that names another server than its issuer has a fault.
        let (request, remainder) = claims.nats.into_request(user_nkey, decoded.issuer, now);
        Ok(Self {
            subject: claims.subject.unwrap_or_default(),
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
            not_before: claims.not_before,
            id: claims.id,
            fault,
            request,
            remainder,
            raw,
        })
    }

    /// Returns the request.
    pub const fn request(&self) -> &AuthorizationRequest {
        &self.request
    }

    /// Returns the request and drops the rest.
    pub fn into_request(self) -> AuthorizationRequest {
        self.request
    }

    /// Returns the key that the server expects to sign. In config mode, that is the `issuer` of its
    /// `auth_callout` block.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the time at which the server issued the request, in seconds since the Unix epoch.
    pub const fn issued_at(&self) -> Option<u64> {
        self.issued_at
    }

    /// Returns the time at which the server stops waiting, in seconds since the Unix epoch, rounded
    /// down.
    pub const fn expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    /// Returns the token's id (`jti`). The id is not unique: it covers only the registered claims,
    /// so that requests of one server within a second share it. Requests differ in their
    /// `user_nkey`.
    pub fn jti(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns the server's public xkey (`X…`) from the signed request, to which a response is
    /// sealed. `None` if the server does not encrypt. The header `Nats-Server-Xkey` must have the
    /// same key.
    pub fn server_xkey(&self) -> Option<&str> {
        self.remainder.server_xkey.as_deref()
    }

    /// Returns the name in the presented user JWT (operator mode: that of the sentinel).
    pub fn name_tag(&self) -> Option<&str> {
        self.request.client.name_tag.as_deref()
    }

    /// Returns the nonce of the request itself. No known server sets it. The nonce that a client
    /// signs is [`Client::nonce`](portcullis_core::Client::nonce).
    pub fn request_nonce(&self) -> Option<&str> {
        self.remainder.request_nonce.as_deref()
    }

    /// Returns the tags of the request itself. No known server sets them. Those of the presented
    /// user JWT are [`Client::tags`](portcullis_core::Client::tags).
    pub fn tags(&self) -> &[String] {
        &self.remainder.tags
    }

    /// Returns the claims' JSON as the token has it. Fields that this crate does not know may hold
    /// what no Rust string can, such as `\ud800`.
    ///
    /// **The text contains the client's secrets.** It is wiped when this value is dropped.
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

/// A reason why decoded claims are not those of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodedProblem {
    /// A field has another type. The message is the caller's.
    #[error("not the claims of an authorization request: {0}")]
    Form(String),
    /// The `user_nkey` is not a public user key.
    #[error("`user_nkey` is not a public user key (`U…`)")]
    UserNkey,
    /// The server's id is not a public server key.
    #[error("`server_id.id` is not a public key of a server (`N…`)")]
    Server,
}

/// Converts the decoded claims of a request, as tools print them: the object under `nats` in the
/// token. The host receives the request at `now`, in seconds since the Unix epoch.
///
/// Nothing proves that a server made the request: for tools that show decisions, not for logins.
///
/// `word` returns the problem of a field of another type in words, without its value. It gets the
/// path of the field, `.` for the whole body, and serde's message. The message quotes the value,
/// which may be a password.
///
/// # Errors
///
/// Fails if a field has another type, or if a key is missing.
pub fn decoded_request(
    body: serde_json::Value,
    now: u64,
    word: impl FnOnce(&str, &str) -> String,
) -> Result<AuthorizationRequest, DecodedProblem> {
    let body = serde_path_to_error::deserialize::<_, RequestBody>(body).map_err(|error| {
        let (path, message) = (error.path().to_string(), error.inner().to_string());
        DecodedProblem::Form(word(&path, &message))
    })?;
    let key = |text: &str, kind| {
        let key: Option<PublicKey> = text.parse().ok();
        key.filter(|key| key.kind() == kind)
    };
    let user_nkey = key(body.user_nkey(), KeyKind::User).ok_or(DecodedProblem::UserNkey)?;
    let server = key(body.server_id().unwrap_or_default(), KeyKind::Server);
    let server = server.ok_or(DecodedProblem::Server)?;
    Ok(body.into_request(user_nkey, server, now).0)
}

/// Returns the first fault of a request of `size` bytes. `None` if it may be decided.
fn fault(claims: &Claims<RequestBody>, size: usize) -> Option<RequestError> {
    if !claims.nats.is_current() {
        return Some(RequestError::Version);
    }
    if claims.issuer.as_deref() != claims.nats.server_id() {
        return Some(RequestError::Issuer);
    }
    if claims.audience.as_deref() != Some(AUDIENCE) {
        return Some(RequestError::Audience);
    }
    (size > MAX_TOKEN_SIZE).then_some(RequestError::TooLarge)
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
