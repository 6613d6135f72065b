//! The load of the decision slots.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// The load of the decision slots.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// The number of requests that wait for a slot.
    waiting: AtomicUsize,
    /// A moving average of the time that a decision holds its slot, in nanoseconds.
    average: AtomicU64,
}

/// A request that waits for a slot, until this value is dropped.
pub(crate) struct Waiting<'a>(&'a Load);

impl Load {
    pub(crate) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    /// Returns the number of requests that wait for a slot.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(crate) fn held(&self, time: Duration) {
        let sample = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let average = self.average.load(Ordering::Relaxed);
        // Two concurrent calls can lose a sample, which an estimate tolerates.
        let next = if average == 0 {
            sample
        } else {
            average - average / 8 + sample / 8
        };
        self.average.store(next, Ordering::Relaxed);
    }

    pub(crate) fn expected_wait(&self, slots: usize) -> Duration {
        let rounds = u64::try_from(self.waiting() / slots.max(1)).unwrap_or(u64::MAX);
        Duration::from_nanos(self.average.load(Ordering::Relaxed).saturating_mul(rounds))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_wait_grows_with_what_waits_and_how_long_decisions_take() {
        let load = Load::default();
        assert_eq!(load.expected_wait(4), Duration::ZERO);
        load.held(Duration::from_millis(80));
        let waiting: Vec<_> = (0..8).map(|_| load.wait()).collect();
        assert_eq!(load.waiting(), 8);
        assert_eq!(load.expected_wait(4), Duration::from_millis(160));
        assert_eq!(load.expected_wait(16), Duration::ZERO);
        for _ in 0..100 {
            load.held(Duration::from_millis(8));
        }
        assert!(load.expected_wait(4) < Duration::from_millis(20));
        drop(waiting);
        assert_eq!(load.expected_wait(4), Duration::ZERO);
    }
}
