//! Requests that were meant for a host with another issuer, key or clock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counts mismatched requests in a row.
#[derive(Debug, Default)]
pub(crate) struct Mismatches {
    in_a_row: AtomicU64,
    /// Whether no request was right since the limit was reached.
    suspected: AtomicBool,
    /// Whether a request was ever right.
    proved: AtomicBool,
    reason: Mutex<&'static str>,
}

impl Mismatches {
    /// Counts a request that was refused for `reason`, if the reason means another host.
    pub(crate) fn refused(&self, reason: &'static str) {
        if !is_mismatch(reason) {
            return;
        }
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        self.in_a_row.fetch_add(1, Ordering::Relaxed);
    }

    /// A request was meant for this host.
    pub(crate) fn right(&self) {
        // Reading is cheaper than writing, and nearly every request is right.
        if self.in_a_row.load(Ordering::Relaxed) > 0 {
            self.in_a_row.store(0, Ordering::Relaxed);
        }
        if self.suspected.load(Ordering::Relaxed) {
            self.suspected.store(false, Ordering::Relaxed);
        }
        if !self.proved.load(Ordering::Relaxed) {
            self.proved.store(true, Ordering::Relaxed);
        }
    }

    /// Returns the number of mismatched requests since the last right one.
    pub(super) fn in_a_row(&self) -> u64 {
        self.in_a_row.load(Ordering::Relaxed)
    }

    /// Whether at least `limit` requests in a row were mismatched.
    pub(super) fn reached(&self, limit: u64) -> bool {
        let reached = self.in_a_row() >= limit;
        if reached {
            self.suspected.store(true, Ordering::Relaxed);
        }
        reached
    }

    /// The reason of the last mismatch, if no request was right since the limit was reached.
    pub(super) fn suspicion(&self) -> Option<&'static str> {
        let suspected = self.suspected.load(Ordering::Relaxed);
        suspected.then(|| *self.reason.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts from zero again.
    pub(super) fn start_over(&self) {
        self.in_a_row.store(0, Ordering::Relaxed);
    }

    /// Whether a request was ever meant for this host.
    pub(super) fn proved(&self) -> bool {
        self.proved.load(Ordering::Relaxed)
    }
}

fn is_mismatch(reason: &str) -> bool {
    matches!(
        reason,
        "issuer" | "encrypted" | "not-encrypted" | "encryption" | "clock"
    )
}
