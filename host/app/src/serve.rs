//! `portcullis serve`: everything put together.

use std::future::Future;

use anyhow::anyhow;

use crate::config::{Config, Secrets};
use crate::failure::Failure;

/// Answers authorization requests until `shutdown` is done, then finishes those in flight.
///
/// # Errors
///
/// When the service cannot start, or cannot go on.
pub async fn serve(
    config: Config,
    secrets: Secrets,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Failure> {
    drop((config, secrets, shutdown));
    Err(Failure::internal(anyhow!("`serve` is not wired yet")))
}
