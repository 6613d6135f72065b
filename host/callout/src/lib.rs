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
//! - [`Service`] and [`ServiceOptions`]: the subscriptions, and the options in groups.
//! - [`HostKeys`] with [`Issuers`]: the keys that sign, in config and in operator mode.
//! - [`OpenRules`] with [`TrustedServers`]: the demands on requests.
//! - [`Throttle`]: the limits on failed attempts.
//! - [`PermitRules`] with [`TargetAccounts`], [`Ceilings`] and [`Expiry`]: the host's own rules for
//!   permits.
//! - [`DenyModes`]: the forms of denials.
//! - [`FlowLimits`]: the limits on concurrent work and its time.
//! - [`QueueGroup`], [`Participation`]: the queue group, and the host's membership in it.
//! - [`required_permissions`]: the permissions that the host's own user needs.
//! - [`Counters`], [`Discovery`]: numbers about logins, and the description for NATS tools.

mod accounts;
mod counters;
mod decide;
mod decision_log;
mod deny;
mod discovery;
mod enforce;
mod error;
#[cfg(test)]
mod fixtures;
mod handle;
mod identify;
mod issuers;
mod keys;
mod lane;
mod lately;
mod latency;
#[cfg(feature = "measure")]
pub mod measure;
mod open;
mod options;
mod outbox;
mod participation;
mod pauses;
mod permissions;
mod permit_check;
mod refusals;
mod rejections;
mod releases;
mod reply;
mod rules;
mod seal;
mod service;
mod subjects;
mod throttle;
mod trust;

pub use accounts::TargetAccounts;
pub use counters::Counters;
pub use deny::{DenyMode, DenyModes};
pub use discovery::Discovery;
pub use error::ServiceError;
pub use issuers::{AccountIssuer, Issuers, OperatorIssuers};
pub use keys::HostKeys;
pub use open::OpenRules;
pub use options::{FlowLimits, QueueGroup, ServiceOptions};
pub use participation::{Obstacle, Participation, ParticipationOptions, Standing, WhenAlone};
pub use permissions::required_permissions;
pub use rules::{Ceilings, Expiry, PermitRules};
pub use service::Service;
pub use throttle::{Throttle, ThrottleOptions};
pub use trust::TrustedServers;
