//! What the service tells those who watch it: whether it lives, whether it is ready, and its numbers, over HTTP.
//!
//! Nothing secret is told, but whoever can reach the address is answered, so it is meant for a private one.

mod code;
mod files;
mod issuers;
mod metrics;
mod outage;
mod page;
mod policies;
mod server;
mod vitals;

pub(crate) use code::samples as code_samples;
pub(crate) use files::samples as file_samples;
pub(crate) use issuers::samples as issuer_samples;
pub(crate) use outage::lost_for_too_long;
pub(crate) use policies::samples as policy_samples;
pub(crate) use server::HealthServer;
pub(crate) use vitals::Vitals;
