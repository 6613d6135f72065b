//! CONNZ: connections of servers, page by page.

use std::collections::BTreeSet;

use portcullis_connect::Nats;
use portcullis_core::{AccountName, Secret};
use serde::{Deserialize, Serialize, Serializer};

use crate::client::SystemClient;
use crate::error::SystemError;
use crate::server::ServerId;
use crate::service::{AccountService, Service};
use crate::services::subsz::SubscriptionInfo;
use crate::wire::{OtherFields, null_as_default, secret};

/// A request for connections.
///
/// A server answers with at most one page. [`SystemClient::connections`] reads all pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnzRequest {
    /// Order of the connections. Default: by number, lowest first.
    #[serde(rename = "sort", skip_serializing_if = "Option::is_none")]
    pub order: Option<ConnectionOrder>,
    /// Whether the answer names users and accounts. Default: `true`.
    #[serde(rename = "auth")]
    pub users: bool,
    /// Whether the answer has the subjects of subscriptions. Default: `false`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub subscriptions: bool,
    /// Whether the answer has the details of subscriptions. Default: `false`.
    #[serde(
        rename = "subscriptions_detail",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub subscription_details: bool,
    /// Number of connections to skip. Default: 0.
    pub offset: u64,
    /// Maximum number of connections in one page. Default: 1,024, the servers' default.
    pub limit: u64,
    /// Number of the only connection to return.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cid: Option<u64>,
    /// Client id of MQTT of the only connection to return.
    #[serde(rename = "mqtt_client", skip_serializing_if = "Option::is_none")]
    pub mqtt_id: Option<String>,
    /// State of the connections. Default: open.
    #[serde(serialize_with = "as_number")]
    pub state: ConnectionState,
    /// User of the connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Account of the connections.
    #[serde(rename = "acc", skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountName>,
    /// Subject that the connections have to be subscribed to. Needs `account`.
    #[serde(rename = "filter_subject", skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// An order of connections. All but [`Self::Number`] and [`Self::Start`] begin with the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum ConnectionOrder {
    /// By number.
    #[serde(rename = "cid")]
    Number,
    /// By start.
    #[serde(rename = "start")]
    Start,
    /// By number of subscriptions.
    #[serde(rename = "subs")]
    Subscriptions,
    /// By bytes that wait for the client.
    #[serde(rename = "pending")]
    Pending,
    /// By messages to the client.
    #[serde(rename = "msgs_to")]
    MessagesTo,
    /// By messages from the client.
    #[serde(rename = "msgs_from")]
    MessagesFrom,
    /// By bytes to the client.
    #[serde(rename = "bytes_to")]
    BytesTo,
    /// By bytes from the client.
    #[serde(rename = "bytes_from")]
    BytesFrom,
    /// By last activity.
    #[serde(rename = "last")]
    LastActivity,
    /// By time without activity.
    #[serde(rename = "idle")]
    Idle,
    /// By age.
    #[serde(rename = "uptime")]
    Uptime,
    /// By end. For closed connections only.
    #[serde(rename = "stop")]
    Stop,
    /// By reason of the end. For closed connections only.
    #[serde(rename = "reason")]
    Reason,
    /// By round-trip time.
    #[serde(rename = "rtt")]
    RoundTrip,
}

/// A state of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionState {
    /// Open connections.
    #[default]
    Open,
    /// Connections that have ended. A server remembers the last 10,000, unless its configuration
    /// sets another number.
    Closed,
    /// All of these.
    All,
}

/// One page of a server's connections.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Connz {
    /// Id of the server, `N…`.
    pub server_id: String,
    /// Time by the server's clock, as in RFC 3339.
    pub now: String,
    /// Number of connections in this page.
    pub num_connections: u64,
    /// Number of connections in all pages.
    pub total: u64,
    /// Number of connections before this page.
    pub offset: u64,
    /// Maximum number of connections in one page.
    pub limit: u64,
    /// The connections.
    #[serde(deserialize_with = "null_as_default")]
    pub connections: Vec<ConnectionInfo>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// A connection of a client or leafnode.
///
/// The type serializes without the user JWT, which `Debug` does not show either.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ConnectionInfo {
    /// Number of the connection at its server.
    pub cid: u64,
    /// Kind of the connection: `Client` or `Leafnode`.
    pub kind: String,
    /// Protocol of the client: `nats`, `mqtt` or `websocket`.
    #[serde(rename = "type")]
    pub client_type: String,
    /// Address of the client.
    pub ip: String,
    /// Port of the client.
    pub port: u16,
    /// Start of the connection, as in RFC 3339.
    pub start: String,
    /// Last activity, as in RFC 3339.
    pub last_activity: String,
    /// End of the connection, as in RFC 3339. `None` if it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<String>,
    /// Reason of the end. `None` if the connection is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Round-trip time, such as `412µs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt: Option<String>,
    /// Time since the start, such as `3h2m1s`.
    pub uptime: String,
    /// Time since the last activity, such as `12s`.
    pub idle: String,
    /// Size of the messages that wait for the client, in bytes.
    pub pending_bytes: i64,
    /// Number of messages from the client.
    #[serde(rename = "in_msgs")]
    pub in_messages: i64,
    /// Number of messages to the client.
    #[serde(rename = "out_msgs")]
    pub out_messages: i64,
    /// Size of the messages from the client, in bytes.
    pub in_bytes: i64,
    /// Size of the messages to the client, in bytes.
    pub out_bytes: i64,
    /// Number of subscriptions.
    pub subscriptions: u64,
    /// Name that the client gave its connection.
    pub name: String,
    /// Language of the client's library.
    #[serde(rename = "lang")]
    pub language: String,
    /// Release of the client's library.
    pub version: String,
    /// Version of TLS. `None` without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<String>,
    /// Certificates of the client.
    #[serde(
        rename = "tls_peer_certs",
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tls_peers: Vec<TlsPeer>,
    /// User of the client, if [`ConnzRequest::users`] is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorized_user: Option<String>,
    /// Account of the client, if [`ConnzRequest::users`] is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Subjects of the subscriptions, if [`ConnzRequest::subscriptions`] is set.
    #[serde(
        rename = "subscriptions_list",
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub subjects: Vec<String>,
    /// The subscriptions, if [`ConnzRequest::subscription_details`] is set.
    #[serde(
        rename = "subscriptions_list_detail",
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub subscription_details: Vec<SubscriptionInfo>,
    /// User JWT of the client, in operator mode, if [`ConnzRequest::users`] is set.
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
    /// Client id of MQTT.
    #[serde(rename = "mqtt_client", skip_serializing_if = "Option::is_none")]
    pub mqtt_id: Option<String>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// A certificate of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct TlsPeer {
    /// Subject of the certificate.
    pub subject: String,
    /// SHA-256 of the certificate's public key, in hexadecimal.
    pub spki_sha256: String,
    /// SHA-256 of the certificate, in hexadecimal.
    pub cert_sha256: String,
}

impl ConnzRequest {
    /// Number of connections in one page, by default.
    pub const PAGE: u64 = 1024;
}

impl Default for ConnzRequest {
    fn default() -> Self {
        Self {
            order: None,
            users: true,
            subscriptions: false,
            subscription_details: false,
            offset: 0,
            limit: Self::PAGE,
            cid: None,
            mqtt_id: None,
            state: ConnectionState::Open,
            user: None,
            account: None,
            subject: None,
        }
    }
}

impl Service for ConnzRequest {
    type Answer = Connz;

    const NAME: &'static str = "CONNZ";
}

impl AccountService for ConnzRequest {}

impl<N: Nats> SystemClient<N> {
    /// Returns all connections of one server that match `request`, each once. Reads one page after
    /// the other, from `request.offset` on, each of `request.limit` connections.
    ///
    /// A connection that closes between two pages can move another to a page that was read already.
    /// A list of connections that must be complete needs a page that is larger than their number.
    ///
    /// # Errors
    ///
    /// Fails if the server does not answer, or refuses the request.
    pub async fn connections(
        &self,
        server: &ServerId,
        request: &ConnzRequest,
    ) -> Result<Vec<ConnectionInfo>, SystemError> {
        let mut request = request.clone();
        let mut seen = BTreeSet::new();
        let mut connections = Vec::new();
        loop {
            let page = self.ask(server, &request).await?;
            let read = u64::try_from(page.connections.len()).unwrap_or(u64::MAX);
            let before = connections.len();
            let new = page.connections.into_iter();
            connections.extend(new.filter(|connection| seen.insert(connection.cid)));
            // A server that answers with the same page again has no more, such as one asked for a
            // single connection.
            if read < page.limit || connections.len() == before {
                return Ok(connections);
            }
            request.offset = request.offset.saturating_add(read);
        }
    }
}

/// Serializes a state as the number that servers expect.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is that of serde's `serialize_with`"
)]
fn as_number<S: Serializer>(state: &ConnectionState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(match state {
        ConnectionState::Open => 0,
        ConnectionState::Closed => 1,
        ConnectionState::All => 2,
    })
}
