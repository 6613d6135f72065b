//! Measurement of whether a policy is quick enough to evaluate inline.

use std::sync::atomic::{AtomicU32, Ordering};

/// An estimate of a policy's slowness: exceeded inline budgets raise it, and decisions lower it.
/// Concurrent changes may be lost.
#[derive(Debug, Default)]
pub(crate) struct Pace(AtomicU32);

impl Pace {
    /// Weight of an exceeded budget. Every policy exceeds its budget occasionally, when the
    /// operating system takes the processor away.
    const GAVE_UP: u32 = 16;
    /// Threshold from which a policy counts as slow.
    const SLOW: u32 = 64;
    /// Number of decisions for which a slow policy is not evaluated inline.
    const PAUSE: u32 = 4096;

    pub(crate) fn gave_up(&self) {
        let count = self.0.load(Ordering::Relaxed).saturating_add(Self::GAVE_UP);
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
    fn a_policy_that_is_given_up_again_and_again_is_slow_for_a_while() {
        let pace = Pace::default();
        let mut attempts = 0;
        while !pace.is_slow() {
            pace.gave_up();
            pace.decided();
            attempts += 1;
        }
        assert_eq!(attempts, 5);
        let mut decisions = 0;
        while pace.is_slow() {
            pace.decided();
            decisions += 1;
        }
        assert_eq!(decisions, Pace::PAUSE);
        // One more attempt makes it slow again.
        pace.gave_up();
        assert!(pace.is_slow());
    }

    #[test]
    fn a_policy_that_is_given_up_once_in_a_while_is_not() {
        let pace = Pace::default();
        for _ in 0..1000 {
            pace.gave_up();
            for _ in 0..Pace::GAVE_UP {
                pace.decided();
            }
            assert!(!pace.is_slow());
        }
    }
}
