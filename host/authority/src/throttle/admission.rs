//! Admission: an attempt takes room before any verification. Its end frees the room or leaves a
//! failure there.

use std::sync::Arc;
use std::time::Instant;

use portcullis_core::{Client, Denial, DenialClass, Outcome};
use portcullis_environment::Clock;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout_at;

use super::Throttle;
use super::attempt::Attempt;
use super::bucket::{Bucket, Room};
use super::counter::Counter;
use super::kind::Kind;
use crate::place::Place;

/// Maximum number of attempts that wait for room in one bucket.
const MAX_WAITING_PER_COUNTER: usize = 1024;

/// An admitted attempt. Dropping it frees its room.
#[derive(Debug)]
pub(crate) struct AdmittedAttempt<'t, C: Clock> {
    throttle: &'t Throttle<C>,
    attempt: Attempt,
    /// The buckets in which the attempt has room.
    taken: Vec<Counter>,
    /// Place in the throttle's waiting room, if the attempt had to wait.
    place: Option<OwnedSemaphorePermit>,
}

/// The answer to an attempt.
#[derive(Debug)]
pub(super) enum Admitted<'t, C: Clock> {
    /// The attempt is admitted.
    Yes(AdmittedAttempt<'t, C>),
    /// The attempt must wait for other attempts that are being decided.
    NotYet(Counter),
}

/// The refusal of an attempt.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) denial: Denial,
    /// `true` if the refusal has a log line of its own. Later ones appear in a summary.
    pub(crate) is_first: bool,
}

impl<C: Clock> Throttle<C> {
    /// Takes room for the attempt, or waits until an attempt that is being decided leaves room.
    ///
    /// An attempt that waits frees its place in the `queue`, so that logins in one name do not
    /// occupy all places. It takes a place in the throttle's own waiting room until it is decided.
    ///
    /// # Errors
    ///
    /// Fails with [`DenialClass::Throttled`] if too many attempts have failed or wait, or if none
    /// of those that are being decided ends before `deadline`.
    pub(crate) async fn admit(
        &self,
        attempt: Attempt,
        client: &Client,
        deadline: Instant,
        queue: &mut Place,
    ) -> Result<AdmittedAttempt<'_, C>, Refusal> {
        let mut place = None;
        let mut woken_by: Option<Arc<Bucket>> = None;
        loop {
            let admitted = self.try_admit(attempt, client);
            let uses = |bucket: &Arc<Bucket>| match &admitted {
                Ok(Admitted::Yes(admission)) => admission.has_room_in(bucket),
                Ok(Admitted::NotYet(busy)) => Arc::ptr_eq(bucket, &busy.bucket),
                Err(_) => false,
            };
            // Another attempt may use the room that woke this one, if this one is known by now or
            // waits for another bucket.
            if let Some(bucket) = woken_by.take().filter(|bucket| !uses(bucket)) {
                bucket.freed().notify_one();
            }
            let busy = match admitted? {
                Admitted::Yes(mut admission) => {
                    admission.place = place;
                    return Ok(admission);
                }
                Admitted::NotYet(busy) => busy,
            };
            if place.is_none() {
                place = Arc::clone(&self.waiting_room).try_acquire_owned().ok();
                queue.free();
            }
            let bucket = Arc::clone(&busy.bucket);
            let freed = bucket.freed().notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            // Room that was freed before `enable` sends no notification.
            if bucket.room(busy.rate, self.now()) != Room::Busy {
                continue;
            }
            let waiting = bucket.wait(MAX_WAITING_PER_COUNTER);
            if place.is_none() || waiting.is_none() {
                let reason = format!(
                    "too many attempts {} wait for others that are being decided",
                    busy.kind.of_whom()
                );
                return Err(self.refusal(&busy, client, reason));
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

    /// Takes room for the attempt in all of its buckets, or in none.
    pub(super) fn try_admit(
        &self,
        attempt: Attempt,
        client: &Client,
    ) -> Result<Admitted<'_, C>, Refusal> {
        let now = self.now();
        let counters = self.counters(attempt, now);
        let mut admission = AdmittedAttempt {
            throttle: self,
            attempt,
            taken: Vec::with_capacity(counters.len()),
            place: None,
        };
        // All buckets are checked before room is taken in any, because freed room wakes other
        // attempts.
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
            is_first: self
                .summary
                .refused(counter.kind, counter.key, client, self.clock.now()),
        }
    }
}

impl<C: Clock> AdmittedAttempt<'_, C> {
    /// Records the result of the attempt. A failure takes its room. `is_proved` says whether the
    /// client proved its identity.
    pub(crate) fn conclude(mut self, outcome: &Outcome, is_proved: bool) {
        let now = self.throttle.now();
        match outcome {
            Outcome::Permit(_) => self.throttle.note_success(self.attempt, now),
            Outcome::Deny(denial) if is_failure(denial.class) => {
                self.throttle.note_failure();
                // Any client at a known address can write another client's name into a login. If it
                // neither guessed a secret nor proved the name, its failure must not lock out the
                // known pair.
                if self.attempt.is_guess() || is_proved {
                    self.leave(now, true);
                } else {
                    self.fail_by_address(now);
                }
            }
            Outcome::Deny(_) => {}
        }
    }

    /// Counts the failure in the bucket of the address only, also if the attempt took room in a
    /// pair's bucket.
    fn fail_by_address(&mut self, now: u64) {
        let address = |counter: &Counter| counter.kind == Kind::Address;
        if self.taken.iter().any(address) {
            return self.leave(now, true);
        }
        self.leave(now, false);
        let limits = self.throttle.limits.load();
        if let Some(counter) = self.throttle.address_counter(self.attempt, &limits) {
            counter.bucket.fail(counter.rate, now);
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

impl<C: Clock> Drop for AdmittedAttempt<'_, C> {
    fn drop(&mut self) {
        let now = self.throttle.now();
        self.leave(now, false);
    }
}

/// Returns whether a denial is a failed attempt.
///
/// An attempt that ran out of time counts, although the host may be slow for other reasons.
/// Otherwise a client could have the host compute password hashes without limit, if each took too
/// long.
const fn is_failure(class: DenialClass) -> bool {
    matches!(
        class,
        DenialClass::IdentityRejected
            | DenialClass::ProofRejected
            | DenialClass::PolicyDenied
            | DenialClass::EndOfChain
            | DenialClass::Deadline
            | DenialClass::PolicyDeadline
    )
}
