//! SUBSZ: subscriptions of servers.

use portcullis_core::AccountName;
use serde::{Deserialize, Serialize};

use crate::service::{AccountService, Service};
use crate::wire::{OtherFields, null_as_default};

/// A request for the subscriptions of servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SubszRequest {
    /// Whether the answer lists the subscriptions, in addition to their number. Default: `false`.
    #[serde(rename = "subscriptions")]
    pub list: bool,
    /// Number of subscriptions to skip. Default: 0.
    pub offset: u64,
    /// Maximum number of subscriptions in the list. Default: 0, which servers read as 1,024.
    pub limit: u64,
    /// Account of the subscriptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountName>,
    /// Subject without wildcards that a listed subscription has to match.
    #[serde(rename = "test", skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// The subscriptions of one server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Subsz {
    /// Id of the server, `N…`.
    pub server_id: String,
    /// Time by the server's clock, as in RFC 3339.
    pub now: String,
    /// Number of subscriptions.
    #[serde(rename = "num_subscriptions")]
    pub subscriptions: u64,
    /// Number of cached matches of subjects.
    #[serde(rename = "num_cache")]
    pub cached: u64,
    /// Number of matched subjects.
    #[serde(rename = "num_matches")]
    pub matches: u64,
    /// Number of subscriptions that match the request.
    pub total: u64,
    /// Number of subscriptions before this list.
    pub offset: u64,
    /// Maximum number of subscriptions in this list.
    pub limit: u64,
    /// The subscriptions, if [`SubszRequest::list`] is set.
    #[serde(
        rename = "subscriptions_list",
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub list: Vec<SubscriptionInfo>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// A subscription.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct SubscriptionInfo {
    /// Account of the subscription. `None` in a list of one connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Subject of the subscription.
    pub subject: String,
    /// Queue group of the subscription.
    #[serde(rename = "qgroup", skip_serializing_if = "Option::is_none")]
    pub queue_group: Option<String>,
    /// Number that the client gave the subscription.
    pub sid: String,
    /// Number of messages that the subscription has received.
    #[serde(rename = "msgs")]
    pub messages: i64,
    /// Number of messages after which the subscription ends.
    #[serde(rename = "max", skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// Number of the subscription's connection.
    pub cid: u64,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl Service for SubszRequest {
    type Answer = Subsz;

    const NAME: &'static str = "SUBSZ";
}

impl AccountService for SubszRequest {}
