//! Failures to build the engine.

use crate::probe::Unfit;

/// A failure to build the engine, caused by the host or the machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// wasmtime does not run on this machine.
    #[error("failed to build the policy engine")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No policy could run in this process.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl EngineError {
    pub(super) fn new(error: wasmtime::Error) -> Self {
        Self::Unusable(error.into())
    }
}
