//! Tasks of the resolver.

use tokio::task::JoinError;

/// A task on the blocking pool that did not end, because it panicked or the runtime stops.
#[derive(Debug, thiserror::Error)]
#[error("the resolver's own task failed")]
pub(crate) struct TaskFailed(#[from] JoinError);
