//! Open: from a message to a request that the host can trust.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis_authority::Issuers;
use portcullis_claims::{
    BoxError, KnownSigners, OpenedRequest, PublicKey, RequestError, is_sealed,
};
use portcullis_connect::HeaderMap;
use portcullis_core::AuthorizationRequest;
use zeroize::Zeroizing;

use crate::keys::{HostKeys, ResponseKeys, Sealing};
use crate::trust::{Replays, TrustedServers};
use crate::xkeys::Xkeys;

/// The header that names the xkey of a server that encrypts.
const XKEY_HEADER: &str = "Nats-Server-Xkey";

/// The demands on requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRules {
    /// The servers whose requests are decided. Default: all servers.
    pub trusted_servers: TrustedServers,
    /// `true` to refuse a request that arrives a second time. Default: `true`.
    pub refuse_replays: bool,
    /// The largest difference between the clocks of server and host. Default: 5 s.
    pub clock_skew: Duration,
}

impl Default for OpenRules {
    fn default() -> Self {
        Self {
            trusted_servers: TrustedServers::Any,
            refuse_replays: true,
            clock_skew: Duration::from_secs(5),
        }
    }
}

/// A verified request that the host decides, with the keys for its response.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) request: OpenedRequest,
    pub(crate) keys: ResponseKeys,
}

/// The facts that the host remembers about earlier requests.
#[derive(Debug, Default)]
pub(crate) struct SeenRequests {
    /// The servers that signed earlier requests.
    pub(crate) signers: KnownSigners,
    /// The logins and nonces of earlier requests. `None` stands for no memory.
    pub(crate) replays: Option<Replays>,
}

/// The reason for which a request is not decided.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The message is not an authorization request of a server.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The request is encrypted, and the host has no xkey.
    #[error(
        "the request is encrypted and this host has no xkey: set `xkey-seed-file`, or remove `xkey` from the \
         server's auth_callout"
    )]
    Encrypted,
    /// The request is plain, and the host has an xkey.
    #[error(
        "the request is not encrypted and this host demands it: set `xkey` in the server's auth_callout, or \
         remove `xkey-seed-file`"
    )]
    NotEncrypted,
    /// The request is encrypted, and no valid header names the server's xkey.
    #[error("the request is encrypted and its header `{XKEY_HEADER}` is not a public curve key")]
    NoSender,
    /// The request is encrypted to another key, or damaged.
    #[error("cannot open the request: compare `xkey` in the server's auth_callout with `{0}`")]
    Box(String, #[source] BoxError),
    /// The request is encrypted with another key than the one in the signed request.
    #[error("the request is encrypted by a key that is not the one its server signed for")]
    Sender,
    /// The server expects responses of another issuer or account than the host's.
    #[error(
        "the server expects `{expected}`, this host answers for `{actual}`: compare `issuer` in the server's \
         auth_callout with the seed in `issuer-seed-file`, or the callout account with `account` under [operator]"
    )]
    Issuer {
        /// The issuer or account that the server expects.
        expected: String,
        /// The issuer or account that the host answers for.
        actual: String,
    },
    /// The server is not one of the trusted servers.
    #[error("server `{0}` is neither in `trusted-servers` nor has one of `trusted-server-tags`")]
    Server(String),
    /// The host has seen the `user_nkey` of this request before.
    #[error("the request has been seen before: its `user_nkey` is used once")]
    Replayed,
    /// Another request presented this signed nonce.
    #[error(
        "the request repeats the nonce of another login: a server makes one for every connection, and a signature \
         over it proves one login"
    )]
    NonceReplayed,
}

/// A request that is not decided.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: OpenError,
    /// The request, if it could be decoded. The signature matches, other facts may be false.
    pub(crate) request: Option<Box<AuthorizationRequest>>,
}

impl From<OpenError> for Refused {
    fn from(error: OpenError) -> Self {
        Self {
            error,
            request: None,
        }
    }
}

impl OpenError {
    /// Returns the name of the reason in metrics.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Request(error) => match error {
                RequestError::Empty => "empty",
                RequestError::Expired { .. }
                | RequestError::NotYetValid { .. }
                | RequestError::MadeAhead { .. }
                | RequestError::LongLived { .. }
                | RequestError::Undated => "clock",
                RequestError::Audience => "audience",
                RequestError::Issuer => "server-id",
                _ => "malformed",
            },
            Self::Encrypted => "encrypted",
            Self::NotEncrypted => "not-encrypted",
            Self::NoSender | Self::Box(..) | Self::Sender => "encryption",
            Self::Issuer { .. } => "issuer",
            Self::Server(_) => "server-not-trusted",
            Self::Replayed | Self::NonceReplayed => "replayed",
        }
    }
}

/// Decrypts, decodes and verifies `payload`, received at `now` (seconds since the Unix epoch).
pub(crate) fn open(
    payload: &Bytes,
    headers: Option<&HeaderMap>,
    now: u64,
    keys: &HostKeys,
    rules: &OpenRules,
    seen: &SeenRequests,
) -> Result<Opened, Refused> {
    let read = |token: &[u8]| {
        OpenedRequest::read_by(token, now, &seen.signers).map_err(OpenError::Request)
    };
    let (request, sealing) = match unsealed(payload, headers, &keys.xkeys, now)? {
        None => (read(payload)?, None),
        Some((plain, sealing)) => (read(&plain)?, Some(sealing)),
    };
    match check(&request, sealing.as_ref(), now, keys, rules, seen) {
        Ok(issuers) => Ok(Opened {
            request,
            keys: ResponseKeys { issuers, sealing },
        }),
        Err(error) => Err(Refused {
            error,
            request: Some(Box::new(request.into_request())),
        }),
    }
}

/// A decrypted payload and the keys that it was sealed with.
type Unsealed = (Zeroizing<Vec<u8>>, Sealing);

/// Decrypts `payload`. Returns `None` if the payload is plain and the host accepts that.
fn unsealed(
    payload: &[u8],
    headers: Option<&HeaderMap>,
    xkeys: &Xkeys,
    now: u64,
) -> Result<Option<Unsealed>, OpenError> {
    match is_sealed(payload) {
        true if xkeys.is_empty() => return Err(OpenError::Encrypted),
        true => {}
        false if xkeys.is_required() => return Err(OpenError::NotEncrypted),
        false => return Ok(None),
    }
    let sender: PublicKey = headers
        .and_then(|headers| headers.get(XKEY_HEADER))
        .and_then(|value| value.as_str().parse().ok())
        .ok_or(OpenError::NoSender)?;
    let (plain, own) = xkeys
        .open(payload, &sender, now)
        .map_err(|error| OpenError::Box(xkeys.listed(), error))?;
    let server = sender;
    Ok(Some((plain, Sealing { own, server })))
}

/// Checks a decoded request against the host's keys and `rules`. Returns the signers that the
/// server expects.
fn check(
    request: &OpenedRequest,
    sealing: Option<&Sealing>,
    now: u64,
    keys: &HostKeys,
    rules: &OpenRules,
    seen: &SeenRequests,
) -> Result<Arc<Issuers>, OpenError> {
    request.check(now, rules.clock_skew)?;
    let sender = sealing.map(|sealing| sealing.server.as_str());
    if sender.is_some() && request.server_xkey() != sender {
        return Err(OpenError::Sender);
    }
    // In config mode, a server names the issuer that it was configured with. Servers that move from
    // one issuer to another therefore get responses of the right one, each.
    let Some(issuers) = keys.expected_by(request.subject(), now) else {
        return Err(OpenError::Issuer {
            expected: request.subject().to_owned(),
            actual: keys.listed(),
        });
    };
    let server = &request.request().server;
    if !rules.trusted_servers.contains(server) {
        return Err(OpenError::Server(server.id.to_string()));
    }
    if let Some(replays) = seen.replays.as_ref().filter(|_| rules.refuse_replays) {
        check_new(request, now, rules.clock_skew, replays)?;
    }
    Ok(Arc::clone(issuers))
}

/// Refuses a request whose login or signed nonce another request had.
fn check_new(
    request: &OpenedRequest,
    now: u64,
    skew: Duration,
    replays: &Replays,
) -> Result<(), OpenError> {
    let expires_at = request.expires_at().unwrap_or(now);
    let until = expires_at.saturating_add(skew.as_secs());
    let request = request.request();
    if !replays.is_new(request.user_nkey.as_str(), now, until) {
        return Err(OpenError::Replayed);
    }
    // Servers send the nonce only with a signature over it. A nonce without a signature proves
    // nothing.
    match (&request.client.nonce, &request.credentials.signature) {
        (Some(nonce), Some(_)) if !replays.is_new_nonce(nonce) => Err(OpenError::NonceReplayed),
        _ => Ok(()),
    }
}

/// Returns the time that a server waits for an answer, according to its request. `None` if the
/// request does not say. Both times are in seconds since the Unix epoch.
pub(crate) fn patience(issued_at: Option<u64>, expires_at: Option<u64>) -> Option<Duration> {
    // Both times are cut to seconds, so a timeout of less than one second reads as zero.
    let seconds = expires_at?.saturating_sub(issued_at?).max(1);
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
