//! Clients, as servers describe them in events.

use std::time::Duration;

use portcullis_core::Secret;
use serde::{Deserialize, Serialize};

use crate::wire::{OtherFields, nanoseconds, null_as_default, secret};

/// A client, as its server describes it in an event.
///
/// The type serializes without the user JWT, which `Debug` does not show either.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ClientInfo {
    /// Start of the connection, as in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// End of the connection, as in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<String>,
    /// Address of the client, without its port.
    pub host: String,
    /// Number of the connection at its server, for [`kick`](crate::SystemClient::kick).
    pub id: u64,
    /// Account of the client: its name in config mode, its public nkey in operator mode.
    #[serde(rename = "acc")]
    pub account: String,
    /// User of the client: a user name, a public nkey, or `[REDACTED]` for a token.
    pub user: String,
    /// Name that the client gave its connection.
    pub name: String,
    /// Language of the client's library.
    #[serde(rename = "lang")]
    pub language: String,
    /// Release of the client's library.
    #[serde(rename = "ver")]
    pub version: String,
    /// Round-trip time between server and client.
    #[serde(with = "nanoseconds", skip_serializing_if = "Option::is_none")]
    pub rtt: Option<Duration>,
    /// User JWT that the client presented, in operator mode. `None` for a user of auth callout.
    #[serde(deserialize_with = "secret", skip_serializing)]
    pub jwt: Option<Secret>,
    /// Key that signed the user JWT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_key: Option<String>,
    /// Name of the account in its JWT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_tag: Option<String>,
    /// Tags of the user JWT.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tags: Vec<String>,
    /// Kind of the connection: `Client`, `Leafnode` and others.
    pub kind: String,
    /// Protocol of the client: `nats`, `mqtt` or `websocket`.
    pub client_type: String,
    /// Client id of MQTT.
    #[serde(rename = "client_id", skip_serializing_if = "Option::is_none")]
    pub mqtt_id: Option<String>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}
