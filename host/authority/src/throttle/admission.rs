//! Admission: an attempt takes room before anything of it is verified, and gives it back or leaves
//! a failure there.

use std::sync::Arc;
use std::time::Instant;

use portcullis_core::{Client, Denial, DenialClass, Outcome};
use tokio::time::timeout_at;

use super::bucket::{Bucket, Rate, Room};
use super::{Attempt, Kind, Throttle, is_failure};

/// A bucket that an attempt needs room in.
#[derive(Debug)]
pub(super) struct Counter {
    pub(super) kind: Kind,
    pub(super) key: u64,
    pub(super) bucket: Arc<Bucket>,
    pub(super) rate: Rate,
}

/// An attempt that goes on. Dropping it gives its room back.
#[derive(Debug)]
pub(crate) struct Admission<'t> {
    throttle: &'t Throttle,
    attempt: Attempt,
    /// Where it has room.
    taken: Vec<Counter>,
}

/// The answer to an attempt.
#[derive(Debug)]
pub(super) enum Admitted<'t> {
    /// Yes.
    Yes(Admission<'t>),
    /// Not while others are being decided.
    NotYet(Counter),
}

/// An attempt that does not go on.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) denial: Denial,
    /// `true` if the refusal has a log line of its own; the next ones are summed up.
    pub(crate) is_first: bool,
}

impl Throttle {
    /// Waits until there is room for the attempt among those that are being decided, and takes it.
    ///
    /// # Errors
    ///
    /// A denial as [`DenialClass::Throttled`] if too many attempts have failed, or if none of those
    /// that are being decided ends before `deadline`.
    pub(crate) async fn admit(
        &self,
        attempt: Attempt,
        client: &Client,
        deadline: Instant,
    ) -> Result<Admission<'_>, Refusal> {
        let mut woken_by: Option<Arc<Bucket>> = None;
        loop {
            let admitted = self.try_admit(attempt, client, Instant::now());
            let uses = |bucket: &Arc<Bucket>| match &admitted {
                Ok(Admitted::Yes(admission)) => admission.has_room_in(bucket),
                Ok(Admitted::NotYet(busy)) => Arc::ptr_eq(bucket, &busy.bucket),
                Err(_) => false,
            };
            // Another may use the room that this attempt was woken for: it is known by now, or
            // waits elsewhere.
            if let Some(bucket) = woken_by.take().filter(|bucket| !uses(bucket)) {
                bucket.freed().notify_one();
            }
            let busy = match admitted? {
                Admitted::Yes(admission) => return Ok(admission),
                Admitted::NotYet(busy) => busy,
            };
            let bucket = Arc::clone(&busy.bucket);
            let freed = bucket.freed().notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            // Room that was freed before `enable` sends no notification.
            if bucket.room(busy.rate, self.nanoseconds(Instant::now())) != Room::Busy {
                continue;
            }
            if timeout_at(deadline.into(), freed).await.is_err() {
                let reason = format!(
                    "as many attempts {} are being decided as may fail, and none ended in time",
                    busy.kind.of_whom()
                );
                return Err(self.refusal(&busy, client, reason));
            }
            woken_by = Some(busy.bucket);
        }
    }

    /// Takes room for the attempt wherever it is counted, or nowhere.
    pub(super) fn try_admit(
        &self,
        attempt: Attempt,
        client: &Client,
        now: Instant,
    ) -> Result<Admitted<'_>, Refusal> {
        let now = self.nanoseconds(now);
        let counters = self.counters(attempt, now);
        let mut admission = Admission {
            throttle: self,
            attempt,
            taken: Vec::with_capacity(counters.len()),
        };
        // Looked at before any is taken: room that is given back wakes others.
        let full = |counter: &Counter| match counter.bucket.room(counter.rate, now) {
            Room::Full(wait) => Some(wait),
            Room::Free | Room::Busy => None,
        };
        let full = counters
            .iter()
            .find_map(|counter| full(counter).map(|wait| (counter, wait)));
        if let Some((counter, wait)) = full {
            let reason = format!(
                "too many attempts {} have failed; the next is looked at in {} ms",
                counter.kind.of_whom(),
                wait.as_millis().saturating_add(1)
            );
            return Err(self.refusal(counter, client, reason));
        }
        for counter in counters {
            if !counter.bucket.take(counter.rate, now) {
                return Ok(Admitted::NotYet(counter));
            }
            admission.taken.push(counter);
        }
        Ok(Admitted::Yes(admission))
    }

    fn refusal(&self, counter: &Counter, client: &Client, reason: String) -> Refusal {
        Refusal {
            denial: Denial::new(DenialClass::Throttled, reason),
            is_first: self.summary.refused(counter.kind, counter.key, client),
        }
    }
}

impl Admission<'_> {
    /// Notes what came of the attempt: a failure takes its room.
    pub(crate) fn conclude(mut self, outcome: &Outcome, now: Instant) {
        let now = self.throttle.nanoseconds(now);
        match outcome {
            Outcome::Permit(_) => self.throttle.note_success(self.attempt, now),
            Outcome::Deny(denial) if is_failure(denial.class) => {
                self.throttle.note_failure();
                self.leave(now, true);
            }
            Outcome::Deny(_) => {}
        }
    }

    fn has_room_in(&self, bucket: &Arc<Bucket>) -> bool {
        let mut taken = self.taken.iter();
        taken.any(|counter| Arc::ptr_eq(bucket, &counter.bucket))
    }

    fn leave(&mut self, now: u64, failed: bool) {
        for counter in self.taken.drain(..) {
            counter.bucket.give_back(counter.rate, now, failed);
        }
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        let now = self.throttle.nanoseconds(Instant::now());
        self.leave(now, false);
    }
}
