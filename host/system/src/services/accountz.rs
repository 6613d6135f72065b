//! ACCOUNTZ: accounts that servers know.

use portcullis_core::{AccountName, Secret};
use serde::{Deserialize, Serialize};

use crate::service::Service;
use crate::wire::{OtherFields, null_as_default, secret};

/// A request for the accounts that servers know, or for the details of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AccountzRequest {
    /// Account whose details the answer has. Default: `None`, the names of all accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountName>,
}

/// The accounts that one server knows.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Accountz {
    /// Id of the server, `N…`.
    pub server_id: String,
    /// Time by the server's clock, as in RFC 3339.
    pub now: String,
    /// Name of the system account.
    pub system_account: String,
    /// Names of the accounts, without [`AccountzRequest::account`].
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub accounts: Vec<String>,
    /// Details of the account of the request.
    #[serde(rename = "account_detail", skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountDetail>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// The details of an account.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the fields are those of the server"
)]
pub struct AccountDetail {
    /// The account: its name in config mode, its public nkey in operator mode.
    #[serde(rename = "account_name")]
    pub name: String,
    /// Time of the last change, as in RFC 3339.
    #[serde(rename = "update_time")]
    pub updated: String,
    /// Whether the account is the system account.
    pub is_system: bool,
    /// Whether the account has expired.
    pub expired: bool,
    /// Whether all imports of the account are valid.
    pub complete: bool,
    /// Whether the account has `JetStream`.
    pub jetstream_enabled: bool,
    /// Number of connected leafnodes.
    #[serde(rename = "leafnode_connections")]
    pub leafnodes: i64,
    /// Number of connected clients.
    #[serde(rename = "client_connections")]
    pub clients: i64,
    /// Number of subscriptions.
    pub subscriptions: u64,
    /// Account JWT, in operator mode. The type serializes without it.
    #[serde(deserialize_with = "secret", skip_serializing)]
    pub jwt: Option<Secret>,
    /// Key that signed the account JWT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_key: Option<String>,
    /// Name of the account in its JWT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_tag: Option<String>,
    /// Fields that this type does not name: exports, imports, mappings and others.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl Service for AccountzRequest {
    type Answer = Accountz;

    const NAME: &'static str = "ACCOUNTZ";
}
