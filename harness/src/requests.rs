//! Authorization requests that no server sent, signed as a server would.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use async_nats::{Client, HeaderMap, Message};
use futures::StreamExt;
use nats_token::token::{Header, encode_segment};
use nkeys::KeyPair;
use serde_json::{Value, json};
use tokio::time::timeout;

/// The subject of the callout.
pub const CALLOUT: &str = "$SYS.REQ.USER.AUTH";

/// The time after which an answer counts as lost: longer than any answer takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Returns a new reply subject like those that servers wait on.
pub fn server_inbox(client: &Client) -> String {
    let inbox = client.new_inbox();
    let id = inbox.rsplit('.').next().unwrap_or_default();
    format!("$SYS._INBOX.by-hand.{id}")
}

/// Sends `payload` to the host over `client`, as a server does, and returns the answer.
///
/// # Errors
///
/// Fails if no answer arrives.
pub async fn ask_as_server(
    client: &Client,
    headers: HeaderMap,
    payload: Vec<u8>,
) -> Result<Message> {
    let reply = server_inbox(client);
    let mut answers = client.subscribe(reply.clone()).await?;
    client
        .publish_with_reply_and_headers(CALLOUT, reply, headers, payload.into())
        .await?;
    let answer = timeout(PATIENCE, answers.next()).await;
    answer
        .context("the host does not answer")?
        .context("the connection was closed")
}

/// A server's key, which signs requests.
///
/// A test can publish on [`CALLOUT`] only at a server without callout
/// ([`crate::Accounts::NoCallout`]). A server with callout lets no client publish there.
#[derive(Debug)]
pub struct RequestSigner {
    key: KeyPair,
    issuer: String,
}

impl RequestSigner {
    /// Creates a new server that trusts the account key `issuer`.
    pub fn new(issuer: &str) -> Self {
        Self {
            key: KeyPair::new_server(),
            issuer: issuer.to_owned(),
        }
    }

    /// Returns the server's public key, `N…`.
    pub fn server_key(&self) -> String {
        self.key.public_key()
    }

    /// Returns the claims of a valid request for a client with a token. The request is valid for
    /// five seconds.
    pub fn claims(&self, token: &str) -> Value {
        let now = unix_now();
        let server = self.server_key();
        json!({
            "iss": server, "sub": self.issuer, "aud": "nats-authorization-request",
            "iat": now, "exp": now + 5, "jti": "BY-HAND",
            "nats": {
                "type": "authorization_request", "version": 2,
                "user_nkey": KeyPair::new_user().public_key(),
                "server_id": { "name": "by-hand", "host": "127.0.0.1", "id": server, "version": "2.12.8" },
                "client_info": {
                    "host": "127.0.0.1", "id": 7, "user": "[REDACTED]", "name": "by-hand",
                    "kind": "Client", "type": "nats",
                },
                "connect_opts": {
                    "auth_token": token, "name": "by-hand", "lang": "test", "version": "0", "protocol": 1,
                },
            },
        })
    }

    /// Signs the claims as a token of this server.
    ///
    /// # Errors
    ///
    /// Fails if the claims cannot be signed.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        let body = encode_segment(claims.to_string().as_bytes());
        let signed = format!("{}.{body}", Header::v2().encode()?);
        let signature = self.key.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", encode_segment(&signature)))
    }

    /// Sends a valid request over `client`. Returns whether the answer permits the login.
    ///
    /// # Errors
    ///
    /// Fails if no answer arrives, or if it is neither a permit nor a denial.
    pub async fn ask(&self, client: &Client, token: &str) -> Result<bool> {
        let request = self.sign(&self.claims(token))?;
        let answer = ask_as_server(client, HeaderMap::new(), request.into()).await?;
        if answer.payload.is_empty() {
            return Ok(false);
        }
        let answer = std::str::from_utf8(&answer.payload)?;
        let answer = nats_token::decode_authorization_response_claims(answer)?;
        Ok(answer.authorization.jwt.is_some_and(|jwt| !jwt.is_empty()))
    }
}

/// Returns the time, in seconds since the Unix epoch.
pub fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

/// Changes the field of `claims` at a JSON pointer.
///
/// # Errors
///
/// Fails if the claims have no such field.
pub fn set(claims: &mut Value, pointer: &str, value: Value) -> Result<()> {
    let field = claims.pointer_mut(pointer);
    *field.with_context(|| format!("no field `{pointer}`"))? = value;
    Ok(())
}
