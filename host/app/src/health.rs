//! The health listener: liveness, readiness and metrics over HTTP.
//!
//! The pages contain no secrets. Any client that reaches the address gets an answer, so the address
//! should be private.

mod certificates;
mod code;
mod files;
mod issuers;
mod outage;
mod own_login;
mod page;
mod policies;
mod readiness;
mod server;
mod start;

pub(crate) use certificates::OwnCertificates;
pub(crate) use code::samples as code_samples;
pub(crate) use files::samples as file_samples;
pub(crate) use issuers::samples as issuer_samples;
pub use outage::LostForTooLong;
pub(crate) use outage::lost_for_too_long;
pub(crate) use own_login::OwnLoginTester;
pub(crate) use policies::samples as policy_samples;
pub use readiness::NotReady;
pub(crate) use readiness::{IssuerStates, Readiness};
pub use server::CannotListen;
pub(crate) use server::HealthServer;
pub(crate) use start::samples as start_samples;
