//! Requests that were meant for a host with another issuer, key or clock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// A counter of consecutive mismatched requests.
#[derive(Debug)]
pub(crate) struct Mismatches {
    /// The number of consecutive mismatches after which the host is suspected.
    limit: u64,
    in_a_row: AtomicU64,
    /// The notification that wakes the keeper when the limit is reached.
    at_limit: Notify,
    /// Whether the limit was reached and no request has matched since.
    suspected: AtomicBool,
    /// Whether a request has ever matched this host.
    proved: AtomicBool,
    reason: Mutex<&'static str>,
}

impl Mismatches {
    /// Creates a counter that suspects the host after `limit` consecutive mismatches.
    pub(crate) const fn new(limit: u64) -> Self {
        Self {
            // A limit of zero would suspect a host without a mismatch.
            limit: if limit == 0 { 1 } else { limit },
            in_a_row: AtomicU64::new(0),
            at_limit: Notify::const_new(),
            suspected: AtomicBool::new(false),
            proved: AtomicBool::new(false),
            reason: Mutex::new(""),
        }
    }

    /// Counts a request that was refused for `reason`, if the reason suggests another host.
    pub(crate) fn refused(&self, reason: &'static str) {
        if !is_mismatch(reason) {
            return;
        }
        *self.reason.lock() = reason;
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

    /// Records a request that was meant for this host, which ends a series of mismatches.
    pub(crate) fn right(&self) {
        // Reading is cheaper than writing, and nearly every request matches.
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

    /// Returns the number of mismatched requests since the last one that matched.
    pub(super) fn in_a_row(&self) -> u64 {
        self.in_a_row.load(Ordering::Relaxed)
    }

    /// Returns whether the limit is reached.
    pub(super) fn reached(&self) -> bool {
        self.in_a_row() >= self.limit
    }

    /// Returns the reason of the last mismatch. `None` if the limit was not reached, or a request
    /// has matched since.
    pub(super) fn suspicion(&self) -> Option<&'static str> {
        let suspected = self.suspected.load(Ordering::Relaxed);
        suspected.then(|| *self.reason.lock())
    }

    /// Returns the reason of the last mismatch while every request so far was one. `None` without a
    /// mismatch, once a request has matched, and once the limit is reached.
    pub(super) fn unproved(&self) -> Option<&'static str> {
        let is_unproved = !self.proved() && self.suspicion().is_none() && self.in_a_row() > 0;
        is_unproved.then(|| *self.reason.lock())
    }

    /// Resets the number of consecutive mismatches to zero.
    pub(super) fn start_over(&self) {
        self.in_a_row.store(0, Ordering::Relaxed);
    }

    /// Returns whether a request has ever matched this host.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_unproved_from_its_first_mismatch_to_its_first_match_or_the_limit() {
        let mismatches = Mismatches::new(3);
        assert_eq!(mismatches.unproved(), None);
        // A user of the account can send such a message.
        mismatches.refused("foreign");
        assert_eq!(mismatches.unproved(), None);
        mismatches.refused("clock");
        assert_eq!(mismatches.unproved(), Some("clock"));
        mismatches.right();
        mismatches.refused("clock");
        assert_eq!(mismatches.unproved(), None);

        let mismatches = Mismatches::new(2);
        mismatches.refused("issuer");
        mismatches.refused("issuer");
        assert_eq!(
            (mismatches.unproved(), mismatches.suspicion()),
            (None, Some("issuer"))
        );
    }
}
