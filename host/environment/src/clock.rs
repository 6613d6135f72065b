//! The time: monotonic, since the machine started, and of the calendar.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[cfg(target_os = "linux")]
use rustix::time::{ClockId, clock_gettime};

/// A source of time.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Returns the monotonic time, which stands still while the machine is suspended.
    fn now(&self) -> Instant;

    /// Returns the time of the wall clock, which an operator or NTP can set at any time.
    fn wall(&self) -> SystemTime;

    /// Returns the time since the machine started, including that in which it was suspended. Zero
    /// on systems without such a clock.
    fn since_boot(&self) -> Duration;

    /// Returns the time since `earlier` by the monotonic clock. Zero if `earlier` is later.
    fn elapsed(&self, earlier: Instant) -> Duration {
        self.now().saturating_duration_since(earlier)
    }

    /// Returns the time of the wall clock in seconds since the Unix epoch. Zero before the epoch,
    /// so that a comparison with a time of a server fails closed.
    fn unix_seconds(&self) -> u64 {
        let since = self.wall().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    }
}

/// The clocks of the operating system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemClock;

/// A clock that moves only when its owner moves it. Clones share one time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    start: Instant,
    wall: SystemTime,
    /// The time since the start, in nanoseconds.
    passed: Arc<AtomicU64>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the only place that reads the clocks of the operating system"
)]
impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    #[cfg(target_os = "linux")]
    fn since_boot(&self) -> Duration {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
        Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanoseconds))
    }

    #[cfg(not(target_os = "linux"))]
    fn since_boot(&self) -> Duration {
        Duration::ZERO
    }
}

impl ManualClock {
    /// Creates a clock whose wall clock shows `unix_seconds`, in seconds since the Unix epoch.
    pub fn new(unix_seconds: u64) -> Self {
        Self {
            start: SystemClock.now(),
            wall: UNIX_EPOCH + Duration::from_secs(unix_seconds),
            passed: Arc::default(),
        }
    }

    /// Moves all three clocks forward by `time`.
    pub fn advance(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.passed.fetch_add(nanoseconds, Ordering::SeqCst);
    }

    fn passed(&self) -> Duration {
        Duration::from_nanos(self.passed.load(Ordering::SeqCst))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        self.start + self.passed()
    }

    fn wall(&self) -> SystemTime {
        self.wall + self.passed()
    }

    fn since_boot(&self) -> Duration {
        self.passed()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn wall(&self) -> SystemTime {
        (**self).wall()
    }

    fn since_boot(&self) -> Duration {
        (**self).since_boot()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_it_is_moved() {
        let clock = ManualClock::new(1_800_000_000);
        let other = clock.clone();
        let start = clock.now();
        assert_eq!(clock.now(), start);
        assert_eq!(clock.unix_seconds(), 1_800_000_000);
        other.advance(Duration::from_secs(90));
        assert_eq!(clock.elapsed(start), Duration::from_secs(90));
        assert_eq!(clock.unix_seconds(), 1_800_000_090);
        assert_eq!(clock.since_boot(), Duration::from_secs(90));
    }

    #[test]
    fn the_system_clock_does_not_run_backwards() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let earlier = clock.now();
        assert!(clock.now() >= earlier);
        assert_eq!(
            clock.elapsed(earlier + Duration::from_hours(1)),
            Duration::ZERO
        );
        assert!(clock.unix_seconds() > 1_700_000_000);
    }
}
