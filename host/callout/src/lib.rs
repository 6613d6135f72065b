//! The NATS auth callout service: receive, open, identify, decide, seal, reply.
//!
//! The crate is generic over [`Authorizer`](portcullis_core::Authorizer), so an implementation need
//! not use WebAssembly. `portcullis-connect` makes the connections, and `portcullis-authority`
//! identifies, decides and enforces for every front door.
//!
//! # Life of a login
//!
//! ```text
//! receive ─▶ open ─▶ identify ─▶ decide ─▶ seal ─▶ reply
//!   │         │        │           │         │       └ at most once: the reply token is consumed
//!   │         │        │           │         └ user JWT signed, response held to the server's rules,
//!   │         │        │           │           encrypted
//!   │         │        │           └ the authorizer, inside the deadline; then the host's own rules
//!   │         │        └ room in the throttle; then what the client presented is proved
//!   │         └ decrypted; signature, issuer, audience, expiry, server; not seen before
//!   └ queue group, bounded queue, deadline
//! ```
//!
//! # Layout
//!
//! - [`Service`] and [`ServiceOptions`]: the subscriptions, and the options in groups.
//! - [`HostKeys`] with [`Xkeys`]: the keys that sign responses and open requests.
//! - [`OpenRules`] with [`TrustedServers`]: the demands on requests.
//! - [`DenyModes`]: the forms of denials.
//! - [`TimeLimits`]: the limits on the time of requests.
//! - [`QueueGroup`], [`Participation`]: the queue group, and the host's membership in it.
//! - [`required_permissions`]: the permissions that the host's own user needs.
//! - [`inspect_own_user`], [`missing_permissions`], [`find_services`]: the host's user and the
//!   services of its account, for tools.
//! - [`Counters`], [`Discovery`]: numbers about logins, and the description for NATS tools.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "a test waits in real time, or compares with it"
    )
)]

mod confirmations;
mod counters;
mod deny;
mod discovery;
mod error;
mod expiring_map;
#[cfg(test)]
mod fixtures;
mod handler;
mod keys;
mod last_use;
#[cfg(feature = "measure")]
pub mod measure;
mod open;
mod options;
mod participation;
mod pauses;
mod permissions;
mod queue_group;
mod refusals;
mod rejections;
mod releases;
mod replied;
mod reply;
mod reply_batcher;
mod seal;
mod service;
mod service_rules;
mod subjects;
mod subscription;
mod trust;
mod xkeys;

pub use counters::Counters;
pub use deny::{DenyMode, DenyModes};
pub use discovery::{Discovery, FurtherEndpoint};
pub use error::ServiceError;
pub use keys::HostKeys;
pub use open::OpenRules;
pub use options::{ServiceOptions, TimeLimits};
pub use participation::{
    FoundService, Obstacle, OwnUser, PARTICIPATING, PROBE_PREFIX, Participation,
    ParticipationOptions, ServiceEndpoint, Standing, WhenAlone, find_services, inspect_own_user,
    missing_permissions,
};
pub use permissions::required_permissions;
pub use queue_group::QueueGroup;
pub use service::Service;
pub use service_rules::{RulesUpdate, ServiceRules};
pub use subjects::AUTH_REQUESTS;
pub use trust::{ServerList, TrustedServers};
pub use xkeys::Xkeys;
