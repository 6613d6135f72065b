//! Authorization responses: a user JWT, or a denial.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::jwt::{Claims, Envelope, Fields};
use crate::keys::KeyKind;
use crate::lenient::is_empty;

/// The claims of an authorization response. [`ResponseClaims::new`] makes them.
pub type ResponseClaims = Claims<ResponseBody>;

/// The answer in a response. `Debug` does not show a JWT.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// The login is permitted, as the user of this JWT.
    Jwt(String),
    /// The login is denied, for this reason. The server logs the reason and publishes it in the
    /// callout account. The client never sees it.
    Error(String),
}

/// The object under `nats` in a response.
pub type ResponseBody = Envelope<ResponseFields>;

/// The fields of a response.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResponseFields {
    #[serde(skip_serializing_if = "is_empty")]
    jwt: Option<String>,
    #[serde(skip_serializing_if = "is_empty")]
    error: Option<String>,
    #[serde(skip_serializing_if = "is_empty")]
    issuer_account: Option<String>,
}

impl ResponseClaims {
    /// Returns the response of the service to the server `server_id` (`N…`) about the user
    /// `user_nkey` (`U…`), issued at `issued_at` (seconds since the Unix epoch).
    pub fn new(user_nkey: &str, server_id: &str, answer: Answer, issued_at: u64) -> Self {
        let (jwt, error) = match answer {
            Answer::Jwt(jwt) => (Some(jwt), None),
            Answer::Error(reason) => (None, Some(one_line(&reason))),
        };
        Self {
            audience: Some(server_id.to_owned()),
            issued_at: Some(issued_at),
            subject: Some(user_nkey.to_owned()),
            nats: ResponseBody::current(ResponseFields {
                jwt,
                error,
                issuer_account: None,
            }),
            ..Self::default()
        }
    }
}

impl ResponseClaims {
    /// Names the callout account (`A…`) that the response speaks for. In operator mode, a response
    /// that one of that account's signing keys signs needs it. Servers in config mode ignore it.
    #[must_use]
    pub fn for_account(mut self, account: Option<&str>) -> Self {
        self.nats.issuer_account = account.map(ToOwned::to_owned);
        self
    }
}

impl ResponseBody {
    /// Maximum length of a reason in a response, in bytes.
    pub const MAX_REASON: usize = 1024;

    /// Returns the user JWT. `None` if it is empty.
    pub fn jwt(&self) -> Option<&str> {
        self.jwt.as_deref().filter(|jwt| !jwt.is_empty())
    }

    /// Returns the reason of a denial. `None` if it is empty.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref().filter(|error| !error.is_empty())
    }

    /// Returns the account that the issuer speaks for (operator mode). `None` if it is empty.
    pub fn issuer_account(&self) -> Option<&str> {
        let account = self.issuer_account.as_deref();
        account.filter(|account| !account.is_empty())
    }
}

impl Fields for ResponseFields {
    const KIND: &'static str = "authorization_response";
    const ISSUERS: &'static [KeyKind] = &[KeyKind::Account];
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jwt(_) => formatter.write_str("Jwt([redacted])"),
            Self::Error(reason) => formatter.debug_tuple("Error").field(reason).finish(),
        }
    }
}

impl fmt::Debug for ResponseFields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ResponseFields")
            .field("jwt", &self.jwt.as_ref().map(|_| "[redacted]"))
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// Returns a reason for the server's log: one line of bounded length. Never empty, because an empty
/// reason would be no denial.
fn one_line(reason: &str) -> String {
    let mut line = String::new();
    for character in reason.trim().chars() {
        let character = if character.is_control() {
            ' '
        } else {
            character
        };
        if line.len().saturating_add(character.len_utf8()) > ResponseBody::MAX_REASON {
            break;
        }
        line.push(character);
    }
    if line.is_empty() {
        "denied".clone_into(&mut line);
    }
    line
}

#[cfg(test)]
mod tests;
