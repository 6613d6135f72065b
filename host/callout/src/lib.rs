//! The NATS auth callout service: receive, open, decide, seal, reply.
//!
//! Generic over [`Authorizer`](portcullis_core::Authorizer): what decides need not be WebAssembly. The only service crate that
//! names async-nats.
//!
//! # Life of a login
//!
//! ```text
//! receive ─▶ open ─▶ decide ─▶ seal ─▶ reply
//!   │         │        │         │       └ at most once: the reply token is consumed
//!   │         │        │         └ user JWT signed, response held to the server's rules, encrypted
//!   │         │        └ the authorizer, inside the deadline; then the host's own rules
//!   │         └ decrypted; signature, issuer, audience, expiry, server; not seen before
//!   └ queue group, bounded queue, deadline
//! ```
//!
//! # Layout
//!
//! - [`Service`] and [`ServiceOptions`]: the subscriptions, and what is done with each request.
//! - [`Issuers`]: who signs, in config and in operator mode.
//! - [`TrustedServers`]: who is answered.
//! - [`Throttle`]: who has to wait after too many failures.
//! - [`PermitRules`], with [`TargetAccounts`] and [`Ceilings`], and [`Expiry`]: what permits are held to.
//! - [`DenyModes`]: how denials are answered.
//! - [`Participation`]: whether the host is in the queue group, and why not.
//! - [`required_permissions`], [`mirror_permissions`], [`keeper_permissions`]: what the host's own users have to be allowed, and
//!   those who fill buckets.
//! - [`Counters`], [`Discovery`]: numbers about logins, and how NATS tools find the service.

mod accounts;
mod counters;
mod decide;
mod decision_log;
mod deny;
mod discovery;
mod enforce;
#[cfg(test)]
mod fixtures;
mod foreign;
mod handle;
mod identify;
mod issuers;
mod lane;
mod lately;
mod latency;
#[cfg(feature = "measure")]
pub mod measure;
mod open;
mod outbox;
mod participation;
mod pauses;
mod permissions;
mod rejections;
mod releases;
mod reply;
mod rules;
mod seal;
mod service;
mod throttle;
mod trust;

pub use accounts::TargetAccounts;
pub use counters::Counters;
pub use deny::{DenyMode, DenyModes};
pub use discovery::Discovery;
pub use enforce::{Ceilings, Expiry};
pub use issuers::{AccountIssuer, Issuers, OperatorIssuers};
pub use participation::{Obstacle, Participation, ParticipationOptions, Standing, WhenAlone};
pub use permissions::required_permissions;
pub use rules::PermitRules;
pub use service::{Service, ServiceError, ServiceOptions};
pub use throttle::{Throttle, ThrottleOptions};
pub use trust::TrustedServers;
