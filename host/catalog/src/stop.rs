//! The signal that ends proofs when the host stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A signal that ends running proofs and rejects later ones, for a host that stops. Clones share
/// state.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the running proofs, and kills their child processes. A thread that waits for a version
    /// notices within a fraction of a second.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Returns whether [`stop`](Self::stop) was called.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
