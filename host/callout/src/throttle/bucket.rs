//! Leaky buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How much a bucket holds and how fast it drains, in the time that it takes to drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// One failure, in nanoseconds.
    one: u64,
    /// As many as the bucket holds.
    all: u64,
}

/// Failures that drain away. Times are nanoseconds since the throttle began.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    empty_at: AtomicU64,
    /// Until when a refusal is not worth a line in the log, because there has been one.
    quiet_until: AtomicU64,
}

impl Rate {
    /// Of a bucket that holds `failures` and drains them in `per`; none if any number will do.
    pub(super) fn new(failures: u32, per: Duration) -> Option<Self> {
        let per = u64::try_from(per.as_nanos()).unwrap_or(u64::MAX);
        let one = per.checked_div(failures.into())?.max(1);
        let all = one.saturating_mul(failures.into());
        Some(Self { one, all })
    }
}

impl Bucket {
    /// How long it takes until there is room for one failure more; none if there is.
    pub(super) fn wait(&self, rate: Rate, now: u64) -> Option<Duration> {
        let level = self.empty_at.load(Ordering::Relaxed).saturating_sub(now);
        let beyond = level.saturating_add(rate.one).saturating_sub(rate.all);
        (beyond > 0).then(|| Duration::from_nanos(beyond))
    }

    /// One failure more. What the bucket does not hold flows over: it is never more than full.
    pub(super) fn fill(&self, rate: Rate, now: u64) {
        let fill = |empty_at: u64| {
            let level = empty_at.saturating_sub(now).saturating_add(rate.one);
            Some(now.saturating_add(level.min(rate.all)))
        };
        // Never refused: `fill` always has a value.
        let _ = self
            .empty_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fill);
    }

    /// Whether this refusal is the first, or the first since as long as the bucket takes to drain.
    pub(super) fn is_first_refusal(&self, rate: Rate, now: u64) -> bool {
        let quiet = |until: u64| (until <= now).then(|| now.saturating_add(rate.all));
        self.quiet_until
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, quiet)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn rate() -> Rate {
        Rate::new(3, Duration::from_secs(3)).unwrap()
    }

    #[test]
    fn so_many_are_free_and_then_one_at_a_time() {
        let bucket = Bucket::default();
        for _ in 0..3 {
            assert_eq!(bucket.wait(rate(), SECOND), None);
            bucket.fill(rate(), SECOND);
        }
        assert_eq!(
            bucket.wait(rate(), SECOND),
            Some(Duration::from_secs(1)),
            "full"
        );
        assert_eq!(
            bucket.wait(rate(), SECOND + SECOND / 4),
            Some(Duration::from_millis(750))
        );
        assert_eq!(bucket.wait(rate(), 2 * SECOND), None, "one has drained");
        bucket.fill(rate(), 2 * SECOND);
        assert_eq!(
            bucket.wait(rate(), 2 * SECOND),
            Some(Duration::from_secs(1))
        );
    }

    #[test]
    fn a_bucket_is_never_more_than_full() {
        let bucket = Bucket::default();
        for _ in 0..100 {
            bucket.fill(rate(), SECOND);
        }
        assert_eq!(bucket.wait(rate(), SECOND), Some(Duration::from_secs(1)));
        assert_eq!(bucket.wait(rate(), 4 * SECOND), None);
    }

    #[test]
    fn none_is_no_limit_and_many_are_some() {
        assert_eq!(Rate::new(0, Duration::from_secs(1)), None);
        let bucket = Bucket::default();
        let rate = Rate::new(u32::MAX, Duration::from_nanos(1)).unwrap();
        bucket.fill(rate, 0);
        assert_eq!(bucket.wait(rate, 0), None);
    }

    #[test]
    fn a_refusal_is_first_once_in_a_while() {
        let bucket = Bucket::default();
        let first = [0, 1, 3 * SECOND - 1, 3 * SECOND, 3 * SECOND + 1]
            .map(|now| bucket.is_first_refusal(rate(), now));
        assert_eq!(first, [true, false, false, true, false]);
    }
}
