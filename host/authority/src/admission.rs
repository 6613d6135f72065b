//! Admission: the queue of requests, the limits on failed attempts, and the decision slots.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{AuthorizationRequest, Denial, DenialClass, Sample};
use portcullis_environment::Clock;
use portcullis_identity::Claimant;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout_at;

use crate::load::Load;
use crate::place::Place;
use crate::throttle::{AdmittedAttempt, Refusal, Throttle, ThrottleOptions};

/// Number of places in the queue for each decision slot.
const QUEUE_FACTOR: usize = 16;

/// The admission of logins, which bounds the work that clients can cause.
#[derive(Debug)]
pub(crate) struct Admission<C> {
    clock: C,
    /// The queue, with one permit for each request that may be in the host.
    queue: Arc<Semaphore>,
    throttle: Arc<Throttle<C>>,
    max_in_flight: usize,
    /// One permit for each decision that may be in progress.
    slots: Semaphore,
    load: Load,
}

/// The reason for which a login gets no place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overload {
    /// Every place in the queue is taken.
    #[error("the queue is full")]
    QueueFull,
    /// The expected wait for a decision slot is not shorter than the caller's time limit.
    #[error("the expected wait is longer than the deadline")]
    TooSlow,
}

/// A decision slot. Its drop frees the slot and counts the time for which it was held.
#[derive(Debug)]
pub(crate) struct Slot<'a, C: Clock> {
    admission: &'a Admission<C>,
    began: Instant,
    _permit: SemaphorePermit<'a>,
}

impl<C: Clock + Clone> Admission<C> {
    pub(crate) fn new(throttle: ThrottleOptions, max_in_flight: usize, clock: C) -> Self {
        let places = max_in_flight.saturating_mul(QUEUE_FACTOR);
        Self {
            queue: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            throttle: Arc::new(Throttle::new(throttle, clock.clone())),
            max_in_flight,
            slots: Semaphore::new(max_in_flight),
            load: Load::default(),
            clock,
        }
    }
}

impl<C: Clock> Admission<C> {
    pub(crate) const fn throttle(&self) -> &Arc<Throttle<C>> {
        &self.throttle
    }

    pub(crate) const fn clock(&self) -> &C {
        &self.clock
    }

    /// Returns the time in seconds since the Unix epoch.
    pub(crate) fn unix_seconds(&self) -> u64 {
        self.clock.unix_seconds()
    }

    /// Returns the time for deadlines.
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Returns the counts of the queue and of failed attempts, for metrics.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let help = "Logins that wait for one of the max-in-flight decisions to end";
        let waiting = Sample::whole("requests_waiting", help, self.load.waiting());
        let mut samples = vec![waiting];
        samples.extend(self.throttle.samples());
        samples
    }

    /// Returns a place in the queue for a login that must be decided within `limit`.
    pub(crate) fn enter(&self, limit: Duration) -> Result<Place, Overload> {
        let permit = Arc::clone(&self.queue).try_acquire_owned();
        let permit = permit.map_err(|_| Overload::QueueFull)?;
        if self.load.expected_wait(self.max_in_flight) < limit {
            Ok(Place::new(permit))
        } else {
            Err(Overload::TooSlow)
        }
    }

    /// Admits an attempt of `claimant` once its address and its names have room. An attempt that
    /// waits for room frees its `place` in the queue.
    ///
    /// # Errors
    ///
    /// Fails if too many attempts have failed or wait, or if `deadline` passes.
    pub(crate) async fn attempt(
        &self,
        request: &AuthorizationRequest,
        claimant: &Claimant<'_>,
        deadline: Instant,
        place: &mut Place,
    ) -> Result<AdmittedAttempt<'_, C>, Refusal> {
        let client = &request.client;
        let attempt = self.throttle.attempt(client, claimant);
        self.throttle.admit(attempt, client, deadline, place).await
    }

    /// Waits for a decision slot.
    ///
    /// # Errors
    ///
    /// Fails if no slot is free before `deadline`.
    pub(crate) async fn slot(&self, deadline: Instant) -> Result<Slot<'_, C>, Denial> {
        let waits = self.load.wait();
        let permit = self.uncounted_slot(deadline).await;
        drop(waits);
        Ok(Slot {
            admission: self,
            began: self.clock.now(),
            _permit: permit?,
        })
    }

    /// Waits for a decision slot as [`slot`](Self::slot) does, for a login that does not count as
    /// load.
    ///
    /// # Errors
    ///
    /// Fails as [`slot`](Self::slot) does.
    pub(crate) async fn uncounted_slot(
        &self,
        deadline: Instant,
    ) -> Result<SemaphorePermit<'_>, Denial> {
        match timeout_at(deadline.into(), self.slots.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Denial::new(DenialClass::Internal, "the service is closed")),
            Err(_) => Err(Denial::new(
                DenialClass::Overloaded,
                "no decision could begin within the request's deadline",
            )),
        }
    }
}

impl<C: Clock> Drop for Slot<'_, C> {
    fn drop(&mut self) {
        let held = self.admission.clock.elapsed(self.began);
        self.admission.load.held(held);
    }
}

#[cfg(test)]
mod tests {
    use portcullis_environment::ManualClock;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn admission(max_in_flight: usize) -> (Admission<ManualClock>, ManualClock) {
        let clock = ManualClock::new(1_800_000_000);
        let admission = Admission::new(ThrottleOptions::default(), max_in_flight, clock.clone());
        (admission, clock)
    }

    #[test]
    fn the_queue_has_sixteen_places_for_each_slot() {
        let (admission, _) = admission(2);
        let mut places: Vec<_> = (0..32).map(|_| admission.enter(SECOND).unwrap()).collect();
        assert_eq!(admission.enter(SECOND).unwrap_err(), Overload::QueueFull);
        places[0].free();
        assert!(admission.enter(SECOND).is_ok());
    }

    #[tokio::test]
    async fn a_login_that_would_wait_beyond_its_deadline_gets_no_place() {
        let (admission, clock) = admission(1);
        let far = clock.now() + Duration::from_hours(1);
        let slot = admission.slot(far).await.unwrap();
        clock.advance(2 * SECOND);
        drop(slot);
        assert!(admission.enter(SECOND).is_ok(), "no login waits");
        let _slot = admission.slot(far).await.unwrap();
        let mut waiting = Box::pin(admission.slot(far));
        assert!(futures::poll!(&mut waiting).is_pending());
        assert_eq!(admission.enter(SECOND).unwrap_err(), Overload::TooSlow);
        assert!(
            admission.enter(3 * SECOND).is_ok(),
            "longer than one slot is held"
        );
    }

    #[tokio::test]
    async fn a_login_without_a_slot_at_its_deadline_is_a_named_deny() {
        let (admission, clock) = admission(1);
        let _slot = admission.slot(clock.now() + SECOND).await.unwrap();
        let denial = admission.slot(clock.now()).await.unwrap_err();
        assert_eq!(denial.class, DenialClass::Overloaded);
    }
}
