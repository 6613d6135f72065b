//! Pauses: times during which this process did not run.
//!
//! A process that was stopped (SIGSTOP, a suspended machine, a starved processor) finds requests in its socket that are
//! older than they look, because they are stamped when they are read. Their age counts against the server's patience.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Interval between two signs of life.
const BEAT: Duration = Duration::from_millis(250);

/// Shortest time without a sign of life that counts as a pause.
const PAUSE: Duration = Duration::from_secs(1);

/// Time after a pause within which requests are read that had to wait for its end.
const BACKLOG: Duration = Duration::from_secs(10);

/// A moment on two clocks.
///
/// The monotonic clock stands still while a machine is suspended or moved; the other one is set right afterwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    steady: Instant,
    wall: SystemTime,
}

/// The last pause of this process.
#[derive(Debug, Default)]
pub(crate) struct Pauses(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The last sign of life; `None` until [`watch`](Pauses::watch) runs.
    alive: Option<Moment>,
    last: Option<Pause>,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    end: Moment,
    length: Duration,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            steady: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// Returns the moment at which the monotonic clock showed `steady`, not long ago.
    pub(crate) fn at(steady: Instant) -> Self {
        let now = Self::now();
        let ago = now.steady.saturating_duration_since(steady);
        Self {
            steady,
            wall: now.wall.checked_sub(ago).unwrap_or(UNIX_EPOCH),
        }
    }

    /// Returns the time from `earlier` to this moment, by the clock that shows more.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let steady = self.steady.saturating_duration_since(earlier.steady);
        let wall = self.wall.duration_since(earlier.wall);
        steady.max(wall.unwrap_or_default())
    }
}

impl Pauses {
    /// Gives a sign of life at every [`BEAT`], for as long as it is polled.
    pub(crate) async fn watch(&self) {
        let mut beats = tokio::time::interval(BEAT);
        self.state().alive = Some(Moment::now());
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            self.notice(Moment::now());
        }
    }

    /// Returns how long a request that was read `now` may have waited for this process to go on, if a server made it at
    /// `issued_at` (seconds since the Unix epoch).
    pub(crate) fn age(&self, issued_at: Option<u64>, now: Moment) -> Duration {
        let Some(pause) = self.notice(now) else {
            return Duration::ZERO;
        };
        let since_end = now.since(pause.end);
        let issued_at = issued_at.and_then(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at)));
        let Some(issued_at) = issued_at.filter(|at| *at <= pause.end.wall && since_end < BACKLOG)
        else {
            return Duration::ZERO;
        };
        // By the clocks of two machines, so no more than can be.
        let age = now.wall.duration_since(issued_at).unwrap_or_default();
        age.min(pause.length.saturating_add(since_end))
    }

    /// Notes a sign of life. Returns the last pause.
    fn notice(&self, now: Moment) -> Option<Pause> {
        let mut state = self.state();
        let length = now.since(state.alive?);
        if length >= PAUSE {
            state.last = Some(Pause { end: now, length });
            tracing::warn!(
                pause_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX),
                "this process did not run, or its clock was set: requests that waited may be too late"
            );
        }
        state.alive = Some(now);
        state.last
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    impl Moment {
        fn after(self, steady: Duration, wall: Duration) -> Self {
            Self {
                steady: self.steady + steady,
                wall: self.wall + wall,
            }
        }

        fn seconds(self) -> u64 {
            self.wall.duration_since(UNIX_EPOCH).unwrap().as_secs()
        }
    }

    fn running_since(start: Moment) -> Pauses {
        Pauses(Mutex::new(State {
            alive: Some(start),
            last: None,
        }))
    }

    #[test]
    fn without_a_pause_no_request_is_old() {
        let start = Moment::now();
        let pauses = running_since(start);
        let mut now = start;
        for _ in 0..20 {
            now = now.after(BEAT, BEAT);
            assert_eq!(pauses.age(Some(start.seconds()), now), Duration::ZERO);
        }
        assert_eq!(pauses.age(None, now), Duration::ZERO);
    }

    #[test]
    fn requests_from_before_the_end_of_a_pause_have_their_age() {
        let start = Moment::now();
        let pauses = running_since(start);
        let end = start.after(7 * SECOND, 7 * SECOND);
        let asked_in_the_pause = Some(start.after(2 * SECOND, 2 * SECOND).seconds());
        let age = pauses.age(asked_in_the_pause, end);
        assert!(age >= 5 * SECOND && age <= 6 * SECOND, "{age:?}");
        // The clock of the server is an hour behind: no request waited for longer than the pause.
        let age = pauses.age(Some(start.seconds() - 3600), end);
        assert_eq!(age, 7 * SECOND);
        let mut later = end;
        for _ in 0..8 {
            later = later.after(BEAT, BEAT);
            pauses.notice(later);
        }
        assert_eq!(pauses.age(Some(later.seconds()), later), Duration::ZERO);
    }

    #[test]
    fn a_machine_that_was_suspended_is_known_by_its_other_clock() {
        let start = Moment::now();
        let pauses = running_since(start);
        let resumed = start.after(BEAT, 60 * SECOND);
        let age = pauses.age(Some(start.after(BEAT, 30 * SECOND).seconds()), resumed);
        assert!(age >= 30 * SECOND && age <= 31 * SECOND, "{age:?}");
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_request_old() {
        let start = Moment::now();
        let pauses = running_since(start);
        let back = Moment {
            steady: start.steady + BEAT,
            wall: start.wall - 60 * SECOND,
        };
        assert_eq!(pauses.age(Some(back.seconds()), back), Duration::ZERO);
        let next = back.after(BEAT, BEAT);
        assert_eq!(pauses.age(Some(next.seconds()), next), Duration::ZERO);
    }
}
