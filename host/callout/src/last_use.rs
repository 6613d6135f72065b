//! The time of the last request for a key.

use std::sync::atomic::{AtomicU64, Ordering};

/// The time of the last request for a key, in seconds since the Unix epoch. Zero stands for none.
#[derive(Debug, Default)]
pub(crate) struct LastUse(AtomicU64);

impl LastUse {
    /// Records a request at `now` (seconds since the Unix epoch).
    pub(crate) fn record(&self, now: u64) {
        // Reading is cheaper than writing, and most requests share their second with another.
        if self.0.load(Ordering::Relaxed) != now {
            self.0.store(now, Ordering::Relaxed);
        }
    }

    /// Returns the time of the last request, in seconds since the Unix epoch. `None` without one.
    pub(crate) fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }
}
