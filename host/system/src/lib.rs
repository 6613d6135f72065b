//! A typed client of the events and services that NATS servers offer to their system account.
//!
//! A server tells the system account when clients connect and disconnect, and how it is. It answers
//! requests about its connections, its configuration and its accounts, and reloads, profiles or
//! disconnects on demand. The servers' documentation calls this interface `$SYS`.
//!
//! - **Releases differ.** The types hold what nats-server 2.10 to 2.15 send. A missing field is its
//!   type's default, and fields that the types do not name are kept in `other`.
//! - **Several servers answer.** [`Gathering`] states when to stop waiting for more of them, and
//!   [`Gathered::end`] tells why the wait ended.
//! - **Errors are values.** [`Refusal`] has the code and the description of the server. A request
//!   that no server receives is [`SystemError::NoResponders`].
//!
//! # Layout
//!
//! - [`SystemClient`]: sends requests over a connection whose user is in the system account.
//! - [`Service`], [`AccountService`]: requests to the services of servers, such as
//!   [`ConnzRequest`]. [`Gathering`], [`Gathered`] and [`Reply`]: the answers of several servers.
//! - [`SystemEvent`], [`EventFilter`], [`Events`]: the events.
//! - [`UserInfo`]: the account and permissions of the connection's own user, for any user.
//! - [`AccountJwts`], [`ClaimStatus`], [`claim_subjects`]: the account JWTs that servers store.
//!
//! # Example
//!
//! ```no_run
//! use portcullis_connect::{Authentication, ConnectionOptions, SecretSource, connect};
//! use portcullis_system::{Gathering, ServerFilter, StatszRequest, SystemClient};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let options = ConnectionOptions {
//!     authentication: Authentication::Credentials(SecretSource::File("sys.creds".into())),
//!     ..ConnectionOptions::new("inventory", vec!["nats://127.0.0.1".to_owned()])
//! };
//! let connection = connect(&options).await?;
//! let system = SystemClient::new(connection.client().clone());
//! let all = ServerFilter::default();
//! let gathered = system.ask_all(&StatszRequest {}, &all, Gathering::default()).await?;
//! for reply in gathered.replies {
//!     let statistics = reply.result?;
//!     println!("{}: {} connections", reply.server.name, statistics.connections);
//! }
//! # Ok(())
//! # }
//! ```

/// The front page, whose examples have to compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;

mod claims;
mod client;
mod client_info;
mod control;
mod envelope;
mod error;
mod event;
mod events;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gathering;
mod server;
mod service;
mod services;
mod subject;
mod user_info;
mod wire;

pub use claims::{AccountJwts, ClaimStatus, claim_subjects};
pub use client::SystemClient;
pub use client_info::ClientInfo;
pub use error::{Refusal, ReplyError, SystemError};
pub use event::{
    AccountConnections, ClientConnected, ClientDisconnected, EventHeader, EventKind,
    ServerStatistics, SystemEvent, UnknownEventKind,
};
pub use events::{EventError, EventFilter, Events};
pub use gathering::{Gathered, Gathering, GatheringEnd, Reply};
pub use server::{InvalidServerId, ServerFilter, ServerId, ServerInfo};
pub use service::{AccountService, Service};
pub use services::{
    AccountDetail, Accountz, AccountzRequest, ConnectionInfo, ConnectionOrder, ConnectionState,
    Connz, ConnzRequest, HealthError, Healthz, HealthzRequest, IdzRequest, JetStreamAccount, Jsz,
    JszRequest, ProfilezRequest, RouteInfo, Routez, RoutezRequest, ServerName, Statsz,
    StatszRequest, SubscriptionInfo, Subsz, SubszRequest, TlsPeer, Varz, VarzRequest,
};
pub use user_info::{ResponseLimits, UserInfo, UserPermissions, UserSubjects};
pub use wire::{OtherFields, Traffic, TrafficTotal};

#[cfg(test)]
mod tests;
