//! Events that servers publish.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::client_info::ClientInfo;
use crate::server::ServerInfo;
use crate::services::Statsz;
use crate::wire::{OtherFields, TrafficTotal};

/// The field with the kind of an event. [`SystemEvent`] has it too, as serde's tag.
const KIND: &str = "event";

/// An event that a server published.
///
/// The type serializes as one object, whose field `event` has the name of the [`EventKind`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SystemEvent {
    /// A client has logged in.
    Connect(ClientConnected),
    /// A client's connection has ended.
    Disconnect(ClientDisconnected),
    /// A server refused a login. The reason is general, such as `Authentication Failure`.
    AuthError(ClientDisconnected),
    /// A server refused a login that auth callout decided. The reason is that of the callout. The
    /// servers publish this event in the callout's account, and not in the system account.
    AccountAuthError(ClientDisconnected),
    /// The number of connections of an account has changed, or 30 seconds have passed.
    AccountConnections(AccountConnections),
    /// A server's statistics, every 10 seconds.
    Statsz(ServerStatistics),
    /// A server enters lame duck mode: it will stop, and its clients should move. The server
    /// publishes no event after this one, not even [`Self::Shutdown`].
    LameDuck(ServerInfo),
    /// A server stops.
    Shutdown(ServerInfo),
}

/// A kind of [`SystemEvent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// [`SystemEvent::Connect`].
    Connect,
    /// [`SystemEvent::Disconnect`].
    Disconnect,
    /// [`SystemEvent::AuthError`].
    AuthError,
    /// [`SystemEvent::AccountAuthError`].
    AccountAuthError,
    /// [`SystemEvent::AccountConnections`].
    AccountConnections,
    /// [`SystemEvent::Statsz`].
    Statsz,
    /// [`SystemEvent::LameDuck`].
    LameDuck,
    /// [`SystemEvent::Shutdown`].
    Shutdown,
}

/// A text that is not the name of a kind of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of events, such as `connect`")]
pub struct UnknownEventKind;

/// What every typed event begins with.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct EventHeader {
    /// Type of the event, such as `io.nats.server.advisory.v1.client_connect`.
    #[serde(rename = "type")]
    pub schema: String,
    /// Id of the event, unique at its server.
    pub id: String,
    /// Time of the event by the server's clock, as in RFC 3339.
    #[serde(rename = "timestamp")]
    pub time: String,
}

/// A login, as its server reports it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ClientConnected {
    /// Type, id and time.
    #[serde(flatten)]
    pub header: EventHeader,
    /// The client's server.
    pub server: ServerInfo,
    /// The client.
    pub client: ClientInfo,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// The end of a connection, or a refused login, as the server reports it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ClientDisconnected {
    /// Type, id and time.
    #[serde(flatten)]
    pub header: EventHeader,
    /// The client's server.
    pub server: ServerInfo,
    /// The client.
    pub client: ClientInfo,
    /// Messages that the client sent.
    pub sent: TrafficTotal,
    /// Messages that the client received.
    pub received: TrafficTotal,
    /// Reason in the server's words, such as `Client Closed`, `Kicked`, `Authentication Expired` or
    /// `Credentials Revoked`.
    pub reason: String,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// The connections of an account at one server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct AccountConnections {
    /// Type, id and time.
    #[serde(flatten)]
    pub header: EventHeader,
    /// The server.
    pub server: ServerInfo,
    /// The account: its name in config mode, its public nkey in operator mode.
    #[serde(rename = "acc")]
    pub account: String,
    /// Name of the account in its JWT, or in the configuration. Empty before nats-server 2.10.4.
    pub name: String,
    /// Number of connected clients.
    #[serde(rename = "conns")]
    pub connections: i64,
    /// Number of connected leafnodes.
    pub leafnodes: i64,
    /// Number of connected clients and leafnodes.
    #[serde(rename = "total_conns")]
    pub total_connections: i64,
    /// Number of subscriptions.
    #[serde(rename = "num_subscriptions")]
    pub subscriptions: u64,
    /// Messages that the account's clients received from the server.
    pub sent: TrafficTotal,
    /// Messages that the account's clients sent to the server.
    pub received: TrafficTotal,
    /// Number of clients that were disconnected because they did not read fast enough.
    pub slow_consumers: i64,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// The statistics of one server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ServerStatistics {
    /// The server.
    pub server: ServerInfo,
    /// The statistics.
    pub statsz: Statsz,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Connect,
        Self::Disconnect,
        Self::AuthError,
        Self::AccountAuthError,
        Self::AccountConnections,
        Self::Statsz,
        Self::LameDuck,
        Self::Shutdown,
    ];

    /// Returns the name of the kind, such as `auth-error`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Disconnect => "disconnect",
            Self::AuthError => "auth-error",
            Self::AccountAuthError => "account-auth-error",
            Self::AccountConnections => "account-connections",
            Self::Statsz => "statsz",
            Self::LameDuck => "lame-duck",
            Self::Shutdown => "shutdown",
        }
    }

    /// Returns the kind of the events on `subject`. `None` if none are published there.
    pub(crate) fn for_subject(subject: &str) -> Option<Self> {
        let tokens: Vec<_> = subject.split('.').collect();
        match tokens.as_slice() {
            ["$SYS", "ACCOUNT", "CLIENT", "AUTH", "ERR"] => Some(Self::AccountAuthError),
            ["$SYS", "ACCOUNT", _, "SERVER", "CONNS"] => Some(Self::AccountConnections),
            ["$SYS", "ACCOUNT", _, "CONNECT"] => Some(Self::Connect),
            ["$SYS", "ACCOUNT", _, "DISCONNECT"] => Some(Self::Disconnect),
            ["$SYS", "SERVER", _, "CLIENT", "AUTH", "ERR"] => Some(Self::AuthError),
            ["$SYS", "SERVER", _, "STATSZ"] => Some(Self::Statsz),
            ["$SYS", "SERVER", _, "LAMEDUCK"] => Some(Self::LameDuck),
            ["$SYS", "SERVER", _, "SHUTDOWN"] => Some(Self::Shutdown),
            _ => None,
        }
    }

    /// Reads an event of this kind. Leaves out a field `event`, which no release of the server
    /// sends: the kind has this name in the output.
    pub(crate) fn read(self, payload: &[u8]) -> Result<SystemEvent, serde_json::Error> {
        use serde_json::from_slice;
        let mut event = match self {
            Self::Connect => SystemEvent::Connect(from_slice(payload)?),
            Self::Disconnect => SystemEvent::Disconnect(from_slice(payload)?),
            Self::AuthError => SystemEvent::AuthError(from_slice(payload)?),
            Self::AccountAuthError => SystemEvent::AccountAuthError(from_slice(payload)?),
            Self::AccountConnections => SystemEvent::AccountConnections(from_slice(payload)?),
            Self::Statsz => SystemEvent::Statsz(from_slice(payload)?),
            Self::LameDuck => SystemEvent::LameDuck(from_slice(payload)?),
            Self::Shutdown => SystemEvent::Shutdown(from_slice(payload)?),
        };
        event.other_mut().remove(KIND);
        Ok(event)
    }
}

impl FromStr for EventKind {
    type Err = UnknownEventKind;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut kinds = Self::ALL.into_iter();
        kinds
            .find(|kind| kind.as_str() == name)
            .ok_or(UnknownEventKind)
    }
}

impl SystemEvent {
    /// Returns the kind of the event.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Connect(_) => EventKind::Connect,
            Self::Disconnect(_) => EventKind::Disconnect,
            Self::AuthError(_) => EventKind::AuthError,
            Self::AccountAuthError(_) => EventKind::AccountAuthError,
            Self::AccountConnections(_) => EventKind::AccountConnections,
            Self::Statsz(_) => EventKind::Statsz,
            Self::LameDuck(_) => EventKind::LameDuck,
            Self::Shutdown(_) => EventKind::Shutdown,
        }
    }

    /// Returns the server that published the event.
    pub const fn server(&self) -> &ServerInfo {
        match self {
            Self::Connect(event) => &event.server,
            Self::Disconnect(event) | Self::AuthError(event) | Self::AccountAuthError(event) => {
                &event.server
            }
            Self::AccountConnections(event) => &event.server,
            Self::Statsz(event) => &event.server,
            Self::LameDuck(server) | Self::Shutdown(server) => server,
        }
    }

    const fn other_mut(&mut self) -> &mut OtherFields {
        match self {
            Self::Connect(event) => &mut event.other,
            Self::Disconnect(event) | Self::AuthError(event) | Self::AccountAuthError(event) => {
                &mut event.other
            }
            Self::AccountConnections(event) => &mut event.other,
            Self::Statsz(event) => &mut event.other,
            Self::LameDuck(server) | Self::Shutdown(server) => &mut server.other,
        }
    }
}
