//! What an operator grants an account.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::lenient::{is_empty, or_default};
use crate::user::UNLIMITED;

/// Limits of an account; -1 is unlimited. The default is what is missing in JSON: zero, which allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountLimits {
    /// Most subscriptions.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub subs: i64,
    /// Most bytes.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub data: i64,
    /// Largest message in bytes.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub payload: i64,
    /// Most imports.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub imports: i64,
    /// Most exports.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub exports: i64,
    /// Whether exports may have wildcards.
    #[serde(rename = "wildcards", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub wildcard_exports: bool,
    /// Whether users need to sign a nonce.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub disallow_bearer: bool,
    /// Most connections.
    #[serde(rename = "conn", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub connections: i64,
    /// Most leafnode connections.
    #[serde(rename = "leaf", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub leafnodes: i64,
    /// `JetStream`, where there are no tiers.
    #[serde(flatten)]
    pub jetstream: JetStreamLimits,
    /// `JetStream`, by tier (`R1`, `R3`). Where there are any, the limits without a tier do not count.
    #[serde(rename = "tiered_limits", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub tiers: BTreeMap<String, JetStreamLimits>,
}

/// Limits of `JetStream`; -1 is unlimited. It is on where there is any storage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JetStreamLimits {
    /// Most bytes in memory; 0 is none.
    #[serde(rename = "mem_storage", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub memory_storage: i64,
    /// Most bytes on disk; 0 is none.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub disk_storage: i64,
    /// Most streams.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub streams: i64,
    /// Most consumers.
    #[serde(rename = "consumer", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub consumers: i64,
    /// Most unacknowledged messages of a stream.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub max_ack_pending: i64,
    /// Most bytes of a stream in memory; 0 is unlimited.
    #[serde(rename = "mem_max_stream_bytes", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub memory_max_stream_bytes: i64,
    /// Most bytes of a stream on disk; 0 is unlimited.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub disk_max_stream_bytes: i64,
    /// Whether every stream has to say how large it may become.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub max_bytes_required: bool,
}

impl AccountLimits {
    /// No limits, but no `JetStream` either: what tools give a new account.
    pub fn unlimited() -> Self {
        Self {
            subs: UNLIMITED,
            data: UNLIMITED,
            payload: UNLIMITED,
            imports: UNLIMITED,
            exports: UNLIMITED,
            wildcard_exports: true,
            connections: UNLIMITED,
            leafnodes: UNLIMITED,
            ..Self::default()
        }
    }
}

/// Reads limits; where there are tiers, the others are dropped, as the Go library does.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccountLimits, D::Error> {
    let mut limits: AccountLimits = or_default(deserializer)?;
    if !limits.tiers.is_empty() {
        limits.jetstream = JetStreamLimits::default();
    }
    Ok(limits)
}
