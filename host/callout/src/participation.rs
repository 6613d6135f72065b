//! Participation: membership of the host in the queue group that servers ask.
//!
//! A host that cannot decide leaves the logins to hosts that can. If no such host exists, it stays.
//! Clients then get a named denial at once, not after the servers' timeout.

mod course;
mod evidence;
mod keeper;
mod mismatches;
mod obstacle;
mod options;
mod order;
mod own_connections;
mod peers;
mod probe;
mod prober;
mod standing;
mod state;

pub(crate) use evidence::Evidence;
pub(crate) use keeper::{Keeper, Setting};
pub use obstacle::Obstacle;
pub use options::{ParticipationOptions, WhenAlone};
pub(crate) use order::Order;
pub use own_connections::{OwnUser, inspect_own_user, missing_permissions};
pub use peers::{FoundService, PARTICIPATING, ServiceEndpoint, find_services};
pub use probe::PROBE_PREFIX;
pub(crate) use probe::is_probe;
pub(crate) use prober::Prober;
pub use standing::Standing;
pub use state::Participation;
