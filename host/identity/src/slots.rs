//! A bounded number of places, for work that must not run all at once.

use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The places.
#[derive(Debug)]
pub(crate) struct Slots {
    free: Mutex<usize>,
    freed: Condvar,
}

/// One place, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    slots: &'a Slots,
}

impl Slots {
    /// `count` free places.
    pub(crate) const fn new(count: NonZeroUsize) -> Self {
        Self {
            free: Mutex::new(count.get()),
            freed: Condvar::new(),
        }
    }

    /// Does `work` in a place, taken as by [`Slots::take`]; none if there was no place in time.
    pub(crate) fn run<T>(&self, deadline: Instant, work: impl FnOnce() -> T) -> Option<T> {
        let slot = self.take(deadline)?;
        let done = work();
        drop(slot);
        Some(done)
    }

    /// Takes a place, waiting for one until `deadline`; none if the deadline passes first. A deadline
    /// in the past takes nothing, even if a place is free.
    pub(crate) fn take(&self, deadline: Instant) -> Option<Slot<'_>> {
        let patience = deadline.checked_duration_since(Instant::now())?;
        if patience.is_zero() {
            return None;
        }
        let (mut free, wait) = self
            .freed
            .wait_timeout_while(self.lock(), patience, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        if wait.timed_out() {
            return None;
        }
        *free = free.saturating_sub(1);
        Some(Slot { slots: self })
    }

    /// A counter cannot be left half changed, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.slots.lock() += 1;
        self.slots.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LATE: Duration = Duration::from_mins(1);

    fn slots(count: usize) -> Slots {
        Slots::new(NonZeroUsize::new(count).unwrap())
    }

    #[test]
    fn no_more_places_are_given_than_there_are() {
        let slots = slots(2);
        let _first = slots.take(Instant::now() + LATE).unwrap();
        let second = slots.take(Instant::now() + LATE).unwrap();
        assert!(slots.take(Instant::now() + SOON).is_none());
        drop(second);
        assert!(slots.take(Instant::now() + LATE).is_some());
    }

    #[test]
    fn work_holds_its_place_and_gives_it_back() {
        let slots = slots(1);
        let second = slots.run(Instant::now() + LATE, || {
            slots.take(Instant::now() + SOON).is_some()
        });
        assert_eq!(second, Some(false));
        assert_eq!(slots.run(Instant::now() + LATE, || 7), Some(7));
    }

    #[test]
    fn a_place_that_becomes_free_goes_to_one_who_waits() {
        let slots = slots(1);
        let held = slots.take(Instant::now() + LATE).unwrap();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| slots.take(Instant::now() + LATE).is_some());
            drop(held);
            assert!(waiter.join().unwrap());
        });
    }

    #[test]
    fn a_deadline_in_the_past_takes_nothing() {
        let slots = slots(1);
        assert!(slots.take(Instant::now()).is_none());
    }
}
