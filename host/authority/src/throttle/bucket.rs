//! The leaky buckets of the throttle.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The capacity of a bucket and the rate at which it drains, both as drain times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// The time in which one failure drains, in nanoseconds.
    one: u64,
    /// The time in which a full bucket drains, in nanoseconds.
    all: u64,
}

/// A leaky bucket of failures, with room for the attempts that are being decided. Times are in
/// nanoseconds since the throttle began.
///
/// An attempt takes its room when it is admitted. Its end frees the room or leaves a failure in its
/// place. Failures therefore never exceed the capacity, regardless of the number of concurrent
/// attempts.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    state: Mutex<State>,
    /// The notification that wakes attempts that wait for room.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    empty_at: u64,
    /// The number of attempts that are being decided.
    undecided: u64,
    /// The number of attempts that wait for room.
    waiting: usize,
}

/// An attempt that waits for room in a bucket. Dropping it ends the wait.
#[derive(Debug)]
pub(super) struct Waiting<'b>(&'b Bucket);

/// The room of a bucket for one more attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// The bucket has room.
    Free,
    /// The bucket has no room until other attempts are decided.
    Busy,
    /// The bucket has no room for this time, because of failures.
    Full(Duration),
}

impl Rate {
    /// Creates the rate of a bucket that holds `failures` and drains them in `per`. Returns `None`
    /// without a limit.
    pub(super) fn new(failures: u32, per: Duration) -> Option<Self> {
        let per = u64::try_from(per.as_nanos()).unwrap_or(u64::MAX);
        let one = per.checked_div(failures.into())?.max(1);
        let all = one.saturating_mul(failures.into());
        Some(Self { one, all })
    }
}

impl Bucket {
    /// Returns the room for one more attempt.
    pub(super) fn room(&self, rate: Rate, now: u64) -> Room {
        self.state.lock().room(rate, now)
    }

    /// Takes room for one attempt. Returns whether the bucket had room.
    pub(super) fn take(&self, rate: Rate, now: u64) -> bool {
        let mut state = self.state.lock();
        let is_free = state.room(rate, now) == Room::Free;
        if is_free {
            state.undecided = state.undecided.saturating_add(1);
        }
        is_free
    }

    /// Frees the room of an attempt, and leaves a failure in its place if it `failed`.
    pub(super) fn give_back(&self, rate: Rate, now: u64, failed: bool) {
        let room = {
            let mut state = self.state.lock();
            state.undecided = state.undecided.saturating_sub(1);
            if failed {
                state.fail(rate, now);
            }
            state.room(rate, now)
        };
        match room {
            Room::Free => self.freed.notify_one(),
            // A failure takes the place of the attempt, so the other attempts keep waiting.
            Room::Busy => {}
            Room::Full(_) => self.freed.notify_waiters(),
        }
    }

    /// Records a failure of an attempt that took no room here.
    pub(super) fn fail(&self, rate: Rate, now: u64) {
        let room = {
            let mut state = self.state.lock();
            state.fail(rate, now);
            state.room(rate, now)
        };
        if matches!(room, Room::Full(_)) {
            self.freed.notify_waiters();
        }
    }

    /// Counts one more attempt that waits for room. `None` if `most` attempts wait already.
    pub(super) fn wait(&self, most: usize) -> Option<Waiting<'_>> {
        let mut state = self.state.lock();
        if state.waiting >= most {
            return None;
        }
        state.waiting = state.waiting.saturating_add(1);
        Some(Waiting(self))
    }

    /// Returns the notification that wakes attempts that wait for room.
    pub(super) const fn freed(&self) -> &Notify {
        &self.freed
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.waiting = state.waiting.saturating_sub(1);
    }
}

impl State {
    fn room(&self, rate: Rate, now: u64) -> Room {
        let level = self.empty_at.saturating_sub(now);
        let next = level.saturating_add(rate.one);
        let undecided = rate.one.saturating_mul(self.undecided);
        if next > rate.all {
            Room::Full(Duration::from_nanos(next.saturating_sub(rate.all)))
        } else if next.saturating_add(undecided) > rate.all {
            Room::Busy
        } else {
            Room::Free
        }
    }

    /// Adds one failure. The level never exceeds the capacity.
    fn fail(&mut self, rate: Rate, now: u64) {
        let level = self.empty_at.saturating_sub(now).saturating_add(rate.one);
        self.empty_at = now.saturating_add(level.min(rate.all));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn rate() -> Rate {
        Rate::new(3, Duration::from_secs(3)).unwrap()
    }

    /// Records an attempt that failed at once. Returns whether there was room.
    fn fails(bucket: &Bucket, now: u64) -> bool {
        let is_free = bucket.take(rate(), now);
        if is_free {
            bucket.give_back(rate(), now, true);
        }
        is_free
    }

    #[test]
    fn a_burst_is_free_and_then_one_at_a_time() {
        let bucket = Bucket::default();
        for _ in 0..3 {
            assert!(fails(&bucket, SECOND));
        }
        let full = |milliseconds| Room::Full(Duration::from_millis(milliseconds));
        assert_eq!(bucket.room(rate(), SECOND), full(1000));
        assert_eq!(bucket.room(rate(), SECOND + SECOND / 4), full(750));
        assert!(fails(&bucket, 2 * SECOND), "one has drained");
        assert_eq!(bucket.room(rate(), 2 * SECOND), full(1000));
    }

    #[test]
    fn undecided_attempts_take_room_until_they_are_decided() {
        let bucket = Bucket::default();
        for _ in 0..3 {
            assert!(bucket.take(rate(), SECOND));
        }
        assert_eq!(bucket.room(rate(), SECOND), Room::Busy);
        bucket.give_back(rate(), SECOND, true);
        assert_eq!(bucket.room(rate(), SECOND), Room::Busy, "a failure instead");
        bucket.give_back(rate(), SECOND, false);
        assert!(bucket.take(rate(), SECOND), "a success");
        bucket.give_back(rate(), SECOND, true);
        bucket.give_back(rate(), SECOND, true);
        let full = Room::Full(Duration::from_secs(1));
        assert_eq!(bucket.room(rate(), SECOND), full);
        assert!(!bucket.take(rate(), SECOND));
    }

    #[test]
    fn a_bucket_is_never_more_than_full() {
        let bucket = Bucket::default();
        for _ in 0..100 {
            bucket.give_back(rate(), SECOND, true);
        }
        let full = Room::Full(Duration::from_secs(1));
        assert_eq!(bucket.room(rate(), SECOND), full);
        assert_eq!(bucket.room(rate(), 4 * SECOND), Room::Free);
    }

    #[test]
    fn none_is_no_limit_and_many_are_some() {
        assert_eq!(Rate::new(0, Duration::from_secs(1)), None);
        let bucket = Bucket::default();
        let rate = Rate::new(u32::MAX, Duration::from_nanos(1)).unwrap();
        bucket.give_back(rate, 0, true);
        assert!(bucket.take(rate, 0));
    }
}
