//! Limits that an operator grants an account.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::lenient::{is_empty, or_default};
use crate::user::UNLIMITED;

/// The limits of an account; -1 is unlimited. Default: 0, which allows nothing, as for fields
/// missing in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountLimits {
    /// Maximum number of subscriptions.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub subs: i64,
    /// Maximum number of bytes.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub data: i64,
    /// Maximum size of a message, in bytes.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub payload: i64,
    /// Maximum number of imports.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub imports: i64,
    /// Maximum number of exports.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub exports: i64,
    /// Whether exports may have wildcards.
    #[serde(rename = "wildcards", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub wildcard_exports: bool,
    /// Whether users have to sign a nonce, so that bearer tokens are rejected.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub disallow_bearer: bool,
    /// Maximum number of connections.
    #[serde(rename = "conn", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub connections: i64,
    /// Maximum number of leafnode connections.
    #[serde(rename = "leaf", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub leafnodes: i64,
    /// `JetStream` limits without tiers.
    #[serde(flatten)]
    pub jetstream: JetStreamLimits,
    /// `JetStream` limits by tier (`R1`, `R3`). With any tier, the limits without a tier do not
    /// count.
    #[serde(rename = "tiered_limits", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub tiers: BTreeMap<String, JetStreamLimits>,
}

/// The limits of `JetStream`; -1 is unlimited. `JetStream` is on if any storage is granted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JetStreamLimits {
    /// Maximum memory storage, in bytes. 0 grants none.
    #[serde(rename = "mem_storage", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub memory_storage: i64,
    /// Maximum disk storage, in bytes. 0 grants none.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub disk_storage: i64,
    /// Maximum number of streams.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub streams: i64,
    /// Maximum number of consumers.
    #[serde(rename = "consumer", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub consumers: i64,
    /// Maximum number of unacknowledged messages of a consumer.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub max_ack_pending: i64,
    /// Maximum size of a memory stream, in bytes. 0 is unlimited.
    #[serde(rename = "mem_max_stream_bytes", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub memory_max_stream_bytes: i64,
    /// Maximum size of a disk stream, in bytes. 0 is unlimited.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub disk_max_stream_bytes: i64,
    /// Whether every stream has to declare its maximum size.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub max_bytes_required: bool,
}

impl AccountLimits {
    /// Returns limits as tools set them in a new account: unlimited, with `JetStream` off.
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

/// Reads limits. If tiers exist, drops the `JetStream` limits without a tier, as the Go library
/// does.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccountLimits, D::Error> {
    let mut limits: AccountLimits = or_default(deserializer)?;
    if !limits.tiers.is_empty() {
        limits.jetstream = JetStreamLimits::default();
    }
    Ok(limits)
}
