//! JSZ: `JetStream` of servers.

use portcullis_core::AccountName;
use serde::{Deserialize, Serialize};

use crate::service::{AccountService, Service};
use crate::wire::{OtherFields, null_as_default};

/// A request for the state of `JetStream`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the fields are those of the server"
)]
pub struct JszRequest {
    /// Account whose state the answer has. Default: `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountName>,
    /// Whether the answer lists accounts. Default: `false`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub accounts: bool,
    /// Whether the answer lists streams. Implies `accounts`. Default: `false`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub streams: bool,
    /// Whether the answer lists consumers. Implies `streams`. Default: `false`.
    #[serde(rename = "consumer", skip_serializing_if = "std::ops::Not::not")]
    pub consumers: bool,
    /// Whether the answer has the configurations of streams and consumers. Default: `false`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub config: bool,
    /// Whether the leader of the meta group answers only. Default: `false`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub leader_only: bool,
    /// Number of accounts to skip. Default: 0.
    pub offset: u64,
    /// Maximum number of accounts. Default: 0, which servers read as 1,024.
    pub limit: u64,
}

/// The state of one server's `JetStream`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Jsz {
    /// Id of the server, `N…`.
    pub server_id: String,
    /// Time by the server's clock, as in RFC 3339.
    pub now: String,
    /// Whether the server has no `JetStream`.
    pub disabled: bool,
    /// Size of the messages in memory, in bytes.
    pub memory: u64,
    /// Size of the messages on disk, in bytes.
    pub storage: u64,
    /// Number of streams.
    pub streams: u64,
    /// Number of consumers.
    pub consumers: u64,
    /// Number of messages.
    pub messages: u64,
    /// Size of the messages, in bytes.
    pub bytes: u64,
    /// Accounts, if the request asks for them.
    #[serde(
        rename = "account_details",
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub accounts: Vec<JetStreamAccount>,
    /// Fields that this type does not name: limits, configuration, meta group and others.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// The `JetStream` of one account at one server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct JetStreamAccount {
    /// Name of the account.
    pub name: String,
    /// The account: its name in config mode, its public nkey in operator mode.
    pub id: String,
    /// Size of the messages in memory, in bytes.
    pub memory: u64,
    /// Size of the messages on disk, in bytes.
    pub storage: u64,
    /// Fields that this type does not name: streams and others.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl Service for JszRequest {
    type Answer = Jsz;

    const NAME: &'static str = "JSZ";
}

/// Servers whose account has no `JetStream` answer with an error.
impl AccountService for JszRequest {}
