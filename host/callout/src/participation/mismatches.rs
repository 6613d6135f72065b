//! Requests that were meant for a host with another issuer, key or clock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// Counts mismatched requests in a row.
#[derive(Debug)]
pub(crate) struct Mismatches {
    /// Number of mismatches in a row after which the host is suspected.
    limit: u64,
    in_a_row: AtomicU64,
    /// Wakes the keeper when the limit is reached.
    at_limit: Notify,
    /// Whether no request was right since the limit was reached.
    suspected: AtomicBool,
    /// Whether a request was ever right.
    proved: AtomicBool,
    reason: Mutex<&'static str>,
}

impl Mismatches {
    /// Creates a count that suspects the host after `limit` mismatches in a row.
    pub(crate) const fn new(limit: u64) -> Self {
        Self {
            // Zero mismatches are no reason to leave.
            limit: if limit == 0 { 1 } else { limit },
            in_a_row: AtomicU64::new(0),
            at_limit: Notify::const_new(),
            suspected: AtomicBool::new(false),
            proved: AtomicBool::new(false),
            reason: Mutex::new(""),
        }
    }

    /// Counts a request that was refused for `reason`, if the reason means another host.
    pub(crate) fn refused(&self, reason: &'static str) {
        if !is_mismatch(reason) {
            return;
        }
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        let before = self.in_a_row.fetch_add(1, Ordering::Relaxed);
        if before.saturating_add(1) == self.limit {
            self.suspected.store(true, Ordering::Relaxed);
            self.at_limit.notify_one();
        }
    }

    /// Waits until the limit is reached.
    pub(super) async fn at_limit(&self) {
        self.at_limit.notified().await;
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

    /// Whether the limit is reached.
    pub(super) fn reached(&self) -> bool {
        self.in_a_row() >= self.limit
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
