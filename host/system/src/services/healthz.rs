//! HEALTHZ: health of servers.

use portcullis_core::AccountName;
use serde::{Deserialize, Serialize};

use crate::service::Service;
use crate::wire::{OtherFields, null_as_default};

/// A request for the health of servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HealthzRequest {
    /// Whether `JetStream` has to be enabled only. Default: `false`, all checks.
    #[serde(rename = "js-enabled-only", skip_serializing_if = "std::ops::Not::not")]
    pub jetstream_enabled_only: bool,
    /// Whether streams and consumers are not checked. Default: `false`.
    #[serde(rename = "js-server-only", skip_serializing_if = "std::ops::Not::not")]
    pub server_only: bool,
    /// Account to check alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountName>,
    /// Stream to check alone. Needs `account`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Consumer to check alone. Needs `stream`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<String>,
    /// Whether the answer lists each problem. Default: `false`, the first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub details: bool,
}

/// The health of one server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Healthz {
    /// `ok`, `unavailable` or `error`.
    pub status: String,
    /// Status code of HTTP: 200 for a healthy server.
    pub status_code: u16,
    /// The problem. `None` for a healthy server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// All problems, if [`HealthzRequest::details`] is set.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub errors: Vec<HealthError>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// A problem of a server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct HealthError {
    /// Kind of the problem, such as `JETSTREAM` or `STREAM`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Account of the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Stream of the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Consumer of the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<String>,
    /// Description of the problem.
    pub error: String,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl Healthz {
    /// Returns whether the server is healthy.
    pub fn is_ok(&self) -> bool {
        self.status == "ok"
    }
}

impl Service for HealthzRequest {
    type Answer = Healthz;

    const NAME: &'static str = "HEALTHZ";
}
