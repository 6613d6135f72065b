//! The fitness of this process for running policies.

use std::sync::Arc;

use portcullis_config::Config;
use portcullis_core::with_causes;
use portcullis_engine::{Engine, EngineOptions};
use portcullis_identity::PasswordVerifier;

/// Makes an engine for the configured number of decisions, as the host does at its start.
pub(super) async fn run_policies(config: &Config) -> Result<(), String> {
    let options = EngineOptions {
        max_concurrent: u32::try_from(config.callout.max_in_flight).unwrap_or(u32::MAX),
        code_cache: None,
    };
    let made = tokio::task::spawn_blocking(move || {
        Engine::new(options, Arc::<PasswordVerifier>::default()).map(drop)
    });
    match made.await {
        Ok(made) => made.map_err(|error| with_causes(&error)),
        Err(error) => Err(with_causes(&error)),
    }
}
