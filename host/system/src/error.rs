//! The reasons why a request has no answer.

use std::time::Duration;

use humantime::format_duration;
use portcullis_connect::{PublishError, SubscribeError};
use portcullis_core::AccountName;
use serde::{Deserialize, Serialize};

/// The reason why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SystemError {
    /// No server receives the request: the connection's user is not in the system account, or no
    /// server has the id in the subject, or no server offers the service.
    #[error(
        "no server answers `{subject}`: log in as a user of the system account, and check the server's id and release"
    )]
    NoResponders {
        /// The subject of the request.
        subject: String,
    },
    /// No answer arrived in time.
    #[error(
        "no answer to `{subject}` within {}: the server may have stopped, or the permissions of this user lack the subject or the inbox",
        format_duration(*.patience)
    )]
    NoAnswer {
        /// The subject of the request.
        subject: String,
        /// The time that the client waited.
        patience: Duration,
    },
    /// The server answered with an error, or with a message that the client cannot read.
    #[error("request to `{subject}` failed")]
    Reply {
        /// The subject of the request.
        subject: String,
        /// The server's error.
        source: ReplyError,
    },
    /// The server made no profile.
    #[error("the server makes no profile: `{reason}`")]
    Profile {
        /// The server's description.
        reason: String,
    },
    /// The name of an account cannot stand in a subject.
    #[error("account `{0}` cannot be asked for: its name has `.`, `*` or `>`")]
    Account(AccountName),
    /// The subscription for answers or events was not made.
    #[error("cannot subscribe to `{subject}`")]
    Subscribe {
        /// The subject of the subscription.
        subject: String,
        /// The reason.
        source: SubscribeError,
    },
    /// The request was not sent.
    #[error("cannot send a request to `{subject}`")]
    Publish {
        /// The subject of the request.
        subject: String,
        /// The reason.
        source: PublishError,
    },
    /// The request cannot be encoded.
    #[error("cannot encode the request")]
    Encode(#[source] serde_json::Error),
    /// The connection was closed for good before an answer arrived.
    #[error("the connection was closed before an answer to `{subject}`")]
    Closed {
        /// The subject of the request.
        subject: String,
    },
}

/// The reason why the answer of one server has no data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// The server refuses the request.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The answer is not what the service sends.
    #[error("unreadable answer")]
    Malformed(#[source] serde_json::Error),
}

/// An error that a server answers with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, thiserror::Error)]
#[serde(default)]
#[error("the server answers `{description}` (code {code})")]
pub struct Refusal {
    /// Code of the error, after the status codes of HTTP: 400 for a request that the server cannot
    /// read, 500 for one that it cannot fulfil.
    pub code: u16,
    /// Description of the error, in the server's words. Can have several lines.
    pub description: String,
    /// Account that the error is about, in answers about account JWTs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl Refusal {
    /// Returns whether the server has not loaded the account of an
    /// [`AccountzRequest`](crate::AccountzRequest). A server in operator mode loads an account when
    /// one of its users logs in, or when another server of the cluster has subscriptions of it.
    pub fn is_unknown_account(&self) -> bool {
        let words = self.description.strip_prefix("Account ");
        words.is_some_and(|words| words.ends_with(" does not exist"))
    }
}
