//! Pauses: times during which this process did not run.
//!
//! A process that was stopped (SIGSTOP, a suspended machine, a starved processor) finds old
//! requests in its socket. They look new, because the process records their arrival when it reads
//! them. The host therefore adds their age to the time that the server has waited.
//!
//! The wall clock shows no pauses: NTP and operators set it while the process runs. The monotonic
//! clock shows a stopped process, and the boot-time clock also a suspended machine. On a virtual
//! machine that is moved, both clocks may stand still. Its requests then look new, and servers
//! ignore late answers to them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use portcullis_environment::Clock;

/// Interval between two signs of life.
const BEAT: Duration = Duration::from_millis(250);

/// Minimum time without a sign of life that counts as a pause.
const PAUSE: Duration = Duration::from_secs(1);

/// Time after a pause within which the host still reads requests that arrived during the pause.
const BACKLOG: Duration = Duration::from_secs(10);

/// A moment on three clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Monotonic clock, which stands still while the machine is suspended.
    steady: Instant,
    /// Time since the machine started, including that in which it was suspended.
    boot: Duration,
    /// Wall clock, which servers write into requests. It can be set at any time.
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
    pub(crate) fn now(clock: &impl Clock) -> Self {
        Self {
            steady: clock.now(),
            boot: clock.since_boot(),
            wall: clock.wall(),
        }
    }

    /// Returns the moment at which the monotonic clock showed `steady`, which must be recent.
    pub(crate) fn at(steady: Instant, clock: &impl Clock) -> Self {
        let now = Self::now(clock);
        let ago = now.steady.saturating_duration_since(steady);
        Self {
            steady,
            boot: now.boot.saturating_sub(ago),
            wall: now.wall.checked_sub(ago).unwrap_or(UNIX_EPOCH),
        }
    }

    /// Returns the time from `earlier` to this moment, by the monotonic or the boot-time clock,
    /// whichever shows more. Setting the wall clock does not change the result.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let steady = self.steady.saturating_duration_since(earlier.steady);
        steady.max(self.boot.saturating_sub(earlier.boot))
    }
}

impl Pauses {
    /// Records a sign of life at every [`BEAT`], for as long as the future is polled.
    pub(crate) async fn watch(&self, clock: &impl Clock) {
        let mut beats = tokio::time::interval(BEAT);
        self.0.lock().alive = Some(Moment::now(clock));
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            self.notice(Moment::now(clock));
        }
    }

    /// Returns the time that a request read `now` may have waited while this process was paused.
    /// `issued_at` is the server's time of the request, in seconds since the Unix epoch.
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
        // The two times come from the clocks of two machines, so the possible wait caps the
        // difference.
        let age = now.wall.duration_since(issued_at).unwrap_or_default();
        age.min(pause.length.saturating_add(since_end))
    }

    /// Records a sign of life. Returns the last pause.
    fn notice(&self, now: Moment) -> Option<Pause> {
        let mut state = self.0.lock();
        let length = now.since(state.alive?);
        if length >= PAUSE {
            state.last = Some(Pause { end: now, length });
            tracing::warn!(
                pause_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX),
                "this process did not run: requests that waited may be too late"
            );
        }
        state.alive = Some(now);
        state.last
    }
}

#[cfg(test)]
mod tests {
    use portcullis_environment::ManualClock;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    impl Moment {
        /// Returns the moment later by `steady` on the monotonic clock, and by `wall` on the
        /// others.
        fn after(self, steady: Duration, wall: Duration) -> Self {
            Self {
                steady: self.steady + steady,
                boot: self.boot + wall,
                wall: self.wall + wall,
            }
        }

        /// Returns this moment with the wall clock set forward by `by`.
        fn set_forward(self, by: Duration) -> Self {
            let wall = self.wall + by;
            Self { wall, ..self }
        }

        fn seconds(self) -> u64 {
            self.wall.duration_since(UNIX_EPOCH).unwrap().as_secs()
        }
    }

    fn start() -> Moment {
        Moment::now(&ManualClock::new(1_800_000_000))
    }

    fn running_since(start: Moment) -> Pauses {
        Pauses(Mutex::new(State {
            alive: Some(start),
            last: None,
        }))
    }

    #[test]
    fn without_a_pause_no_request_is_old() {
        let start = start();
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
        let start = start();
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
        let start = start();
        let pauses = running_since(start);
        let resumed = start.after(BEAT, 60 * SECOND);
        let age = pauses.age(Some(start.after(BEAT, 30 * SECOND).seconds()), resumed);
        assert!(age >= 30 * SECOND && age <= 31 * SECOND, "{age:?}");
    }

    #[test]
    fn a_clock_that_is_set_forward_makes_no_request_old() {
        let start = start();
        let pauses = running_since(start);
        let mut now = start.after(BEAT, BEAT).set_forward(4 * SECOND);
        // The servers' clocks are not set.
        let mut asked = start;
        for _ in 0..40 {
            assert_eq!(pauses.age(Some(asked.seconds()), now), Duration::ZERO);
            now = now.after(BEAT, BEAT);
            asked = asked.after(BEAT, BEAT);
        }
        let read = now;
        let answered = now.after(BEAT, BEAT).set_forward(60 * SECOND);
        assert_eq!(answered.since(read), BEAT);
    }

    #[test]
    fn a_pause_after_the_clock_was_set_has_its_own_length() {
        let start = start();
        let pauses = running_since(start);
        let stopped = start.set_forward(60 * SECOND);
        let end = stopped.after(3 * SECOND, 3 * SECOND);
        let age = pauses.age(Some(start.seconds()), end);
        assert_eq!(age, 3 * SECOND, "not the 60 s by which the clocks differ");
    }

    #[test]
    fn a_moved_machine_whose_clocks_stood_still_has_no_pause() {
        let start = start();
        let pauses = running_since(start);
        let resumed = start.after(BEAT, BEAT);
        assert_eq!(pauses.age(Some(resumed.seconds()), resumed), Duration::ZERO);
        // The virtual machine's clock is corrected soon after.
        let set = resumed.after(BEAT, BEAT).set_forward(20 * SECOND);
        let asked = Some(set.seconds());
        assert_eq!(pauses.age(asked, set), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_request_old() {
        let start = start();
        let pauses = running_since(start);
        let back = Moment {
            wall: start.wall - 60 * SECOND,
            ..start.after(BEAT, BEAT)
        };
        assert_eq!(pauses.age(Some(back.seconds()), back), Duration::ZERO);
        let next = back.after(BEAT, BEAT);
        assert_eq!(pauses.age(Some(next.seconds()), next), Duration::ZERO);
    }
}
