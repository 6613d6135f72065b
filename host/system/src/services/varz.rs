//! VARZ: configuration and state of servers.

use serde::{Deserialize, Serialize};

use crate::service::Service;
use crate::wire::{OtherFields, null_as_default};

/// A request for the configuration and the state of servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VarzRequest {}

/// The configuration and the state of one server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Varz {
    /// Id of the server, `N…`.
    pub server_id: String,
    /// Name of the server.
    pub server_name: String,
    /// Release of the server, such as `2.15.1`.
    pub version: String,
    /// Release of Go that the server was built with.
    pub go: String,
    /// Host that the server listens on.
    pub host: String,
    /// Port for clients.
    pub port: u16,
    /// Whether clients have to log in.
    pub auth_required: bool,
    /// Whether clients have to use TLS.
    pub tls_required: bool,
    /// Whether clients have to present a certificate.
    pub tls_verify: bool,
    /// Time for a login, in seconds.
    pub auth_timeout: f64,
    /// Maximum number of clients.
    pub max_connections: i64,
    /// Maximum size of a message, in bytes.
    pub max_payload: i64,
    /// Start of the server, as in RFC 3339.
    pub start: String,
    /// Time by the server's clock, as in RFC 3339.
    pub now: String,
    /// Time since the start, such as `3h2m1s`.
    pub uptime: String,
    /// Resident memory, in bytes.
    #[serde(rename = "mem")]
    pub memory: i64,
    /// Number of processors.
    pub cores: u32,
    /// Use of processors, in percent of one.
    pub cpu: f64,
    /// Number of connected clients.
    pub connections: i64,
    /// Number of clients that have connected since the start.
    pub total_connections: u64,
    /// Number of connections to other servers of the cluster.
    pub routes: i64,
    /// Number of connected leafnodes.
    pub leafnodes: i64,
    /// Number of messages that the server has received.
    #[serde(rename = "in_msgs")]
    pub in_messages: i64,
    /// Number of messages that the server has sent.
    #[serde(rename = "out_msgs")]
    pub out_messages: i64,
    /// Size of the messages that the server has received, in bytes.
    pub in_bytes: i64,
    /// Size of the messages that the server has sent, in bytes.
    pub out_bytes: i64,
    /// Number of clients that were disconnected because they did not read fast enough.
    pub slow_consumers: i64,
    /// Number of subscriptions.
    pub subscriptions: u64,
    /// Time of the last reload of the configuration, as in RFC 3339.
    pub config_load_time: String,
    /// Hash of the configuration. Empty before nats-server 2.11.
    pub config_digest: String,
    /// Name of the system account.
    pub system_account: String,
    /// Tags of the server.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tags: Vec<String>,
    /// Fields that this type does not name: cluster, gateway, leafnodes, `JetStream` and others.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl Service for VarzRequest {
    type Answer = Varz;

    const NAME: &'static str = "VARZ";
}
