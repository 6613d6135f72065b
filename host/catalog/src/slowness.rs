//! Measurement of whether a policy is quick enough to evaluate inline.

use std::sync::atomic::{AtomicU32, Ordering};

/// An estimate of a policy's slowness: exceeded inline budgets raise it, and decisions lower it.
/// Concurrent changes may be lost.
#[derive(Debug, Default)]
pub(crate) struct Slowness(AtomicU32);

impl Slowness {
    /// Weight of an exceeded budget. Every policy exceeds its budget occasionally, when the
    /// operating system takes the processor away.
    const EXCEEDED: u32 = 16;
    /// Threshold from which a policy counts as slow.
    const SLOW: u32 = 64;
    /// Number of decisions for which a slow policy is not evaluated inline.
    const PAUSE: u32 = 4096;

    pub(crate) fn exceeded(&self) {
        let count = self
            .0
            .load(Ordering::Relaxed)
            .saturating_add(Self::EXCEEDED);
        let slow = count >= Self::SLOW;
        let count = if slow {
            Self::SLOW + Self::PAUSE
        } else {
            count
        };
        self.0.store(count, Ordering::Relaxed);
    }

    pub(crate) fn decided(&self) {
        let count = self.0.load(Ordering::Relaxed);
        if count > 0 {
            self.0.store(count - 1, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_slow(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= Self::SLOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_often_exceeds_its_budget_is_slow_for_a_while() {
        let slowness = Slowness::default();
        let mut attempts = 0;
        while !slowness.is_slow() {
            slowness.exceeded();
            slowness.decided();
            attempts += 1;
        }
        assert_eq!(attempts, 5);
        let mut decisions = 0;
        while slowness.is_slow() {
            slowness.decided();
            decisions += 1;
        }
        assert_eq!(decisions, Slowness::PAUSE);
        // One more attempt makes it slow again.
        slowness.exceeded();
        assert!(slowness.is_slow());
    }

    #[test]
    fn a_policy_that_rarely_exceeds_its_budget_is_not_slow() {
        let slowness = Slowness::default();
        for _ in 0..1000 {
            slowness.exceeded();
            for _ in 0..Slowness::EXCEEDED {
                slowness.decided();
            }
            assert!(!slowness.is_slow());
        }
    }
}
