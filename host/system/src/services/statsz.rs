//! STATSZ: statistics of servers.

use serde::{Deserialize, Serialize};

use crate::service::Service;
use crate::wire::{OtherFields, TrafficTotal};

/// A request for the statistics of servers. As a request to all servers, it is the ping of NATS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StatszRequest {}

/// The statistics of one server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Statsz {
    /// Start of the server, as in RFC 3339.
    pub start: String,
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
    /// Number of accounts with connected clients.
    pub active_accounts: i64,
    /// Number of subscriptions.
    pub subscriptions: u64,
    /// Messages that the server has sent to clients and other servers.
    pub sent: TrafficTotal,
    /// Messages that the server has received from clients and other servers.
    pub received: TrafficTotal,
    /// Number of clients that were disconnected because they did not read fast enough.
    pub slow_consumers: i64,
    /// Number of servers that this server knows, itself included.
    pub active_servers: u32,
    /// Fields that this type does not name: routes, gateways, `JetStream` and others.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl Service for StatszRequest {
    type Answer = Statsz;

    const NAME: &'static str = "STATSZ";
}
