//! Servers: their ids, what they say of themselves, and which of them a request is for.

use std::fmt;
use std::str::FromStr;

use portcullis_core::{KeyKind, PublicKey};
use serde::{Deserialize, Serialize};

use crate::wire::{OtherFields, null_as_default};

/// The id of a server: its public nkey, `N…`. A server has a new one after each start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(PublicKey);

/// A text that is not the id of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a server: expected 56 characters such as `N…`, as `server_id` of a server")]
pub struct InvalidServerId;

/// What a server says of itself in every message.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ServerInfo {
    /// Name of the server: `server_name` in its configuration, or its id.
    pub name: String,
    /// Host that the server listens on.
    pub host: String,
    /// Id of the server, `N…`.
    pub id: String,
    /// Name of the server's cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// `JetStream` domain of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Release of the server, such as `2.15.1`.
    #[serde(rename = "ver")]
    pub version: String,
    /// Tags of the server: `server_tags` in its configuration.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tags: Vec<String>,
    /// Whether the server has `JetStream`.
    pub jetstream: bool,
    /// Number of the message, in the order in which the server sent them.
    #[serde(rename = "seq")]
    pub sequence: u64,
    /// Time of the message by the server's clock, as in RFC 3339. Left out if empty, because Go
    /// programs read no empty time.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub time: String,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// The servers that a request is for. The default is all of them.
///
/// A server that does not match does not answer. Servers compare names by `contains`, unless
/// `exact` is set. [`IdzRequest`](crate::IdzRequest) is answered by servers that do not match, too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServerFilter {
    /// Name of the server.
    #[serde(rename = "server_name", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name of the server's cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Host that the server listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Whether name, cluster and host have to be equal. Default: a part of them is enough.
    #[serde(rename = "exact_match", skip_serializing_if = "std::ops::Not::not")]
    pub exact: bool,
    /// Tags that the server must have, all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// `JetStream` domain of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

impl ServerId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for ServerId {
    type Err = InvalidServerId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let key: PublicKey = text.parse().map_err(|_| InvalidServerId)?;
        if key.kind() == KeyKind::Server {
            Ok(Self(key))
        } else {
            Err(InvalidServerId)
        }
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl ServerInfo {
    /// Parses the server's id, to send requests to this server alone.
    ///
    /// # Errors
    ///
    /// Fails if the message had no valid id.
    pub fn server_id(&self) -> Result<ServerId, InvalidServerId> {
        self.id.parse()
    }
}
