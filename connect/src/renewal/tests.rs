//! Tests of renewal, with values that count the requests.

use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::join_all;
use portcullis_environment::{ManualClock, SeededRandomness};
use tokio::sync::Semaphore;

use super::*;
use crate::fake_http::renewal_by;

const LIFETIME: Duration = Duration::from_mins(1);

/// A service whose answer is the number of the request.
#[derive(Clone)]
struct Service {
    requests: Arc<AtomicU32>,
    /// The status with which requests fail; zero if they succeed.
    fails_with: Arc<AtomicU32>,
    /// The time in seconds after which the service wants the next request; zero for none.
    retry_after: Arc<AtomicU32>,
    /// A permit for each answer.
    gate: Arc<Semaphore>,
}

impl Service {
    fn new() -> Self {
        Self {
            requests: Arc::default(),
            fails_with: Arc::default(),
            retry_after: Arc::default(),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        }
    }

    fn requests(&self) -> u32 {
        self.requests.load(Ordering::SeqCst)
    }

    fn fail_with(&self, status: u32) {
        self.fails_with.store(status, Ordering::SeqCst);
    }

    fn renewing(&self, options: RenewalOptions, lifetime: Option<Duration>) -> Renewing<u32> {
        let service = self.clone();
        Renewing::new(options, move || {
            let service = service.clone();
            async move { service.answer(lifetime).await }
        })
    }

    async fn answer(&self, lifetime: Option<Duration>) -> Result<Fetched<u32>, TokenError> {
        let value = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        self.gate.acquire().await.unwrap().forget();
        let url = "https://idp.example".to_owned();
        let retry_after = u64::from(self.retry_after.load(Ordering::SeqCst));
        match self.fails_with.load(Ordering::SeqCst) {
            0 => Ok(Fetched { value, lifetime }),
            503 => Err(TokenError::Unavailable {
                url,
                status: 503,
                retry_after: (retry_after > 0).then(|| Duration::from_secs(retry_after)),
                request_id: None,
            }),
            _ => Err(TokenError::Refused {
                url,
                status: 403,
                code: None,
                request_id: None,
            }),
        }
    }
}

#[tokio::test]
async fn a_value_is_renewed_before_its_end() {
    let (service, clock) = (Service::new(), ManualClock::new(0));
    let renewing = service.renewing(renewal_by(&clock), Some(LIFETIME));
    let first = renewing.get().await.unwrap();
    assert_eq!(first.ends_at, Some(clock.now() + LIFETIME));
    clock.advance(Duration::from_secs(49));
    assert_eq!(renewing.get().await.unwrap().value, 1);
    clock.advance(Duration::from_secs(1));
    let second = renewing.get().await.unwrap();
    assert_eq!(
        (second.value, second.ends_at),
        (2, Some(clock.now() + LIFETIME))
    );
    assert_eq!(service.requests(), 2);
}

#[tokio::test]
async fn a_short_value_is_used_for_half_of_its_lifetime_and_one_without_end_for_ever() {
    let (service, clock) = (Service::new(), ManualClock::new(0));
    let renewing = service.renewing(renewal_by(&clock), Some(Duration::from_secs(4)));
    for (at, expected) in [(0, 1), (1, 1), (1, 2)] {
        clock.advance(Duration::from_secs(at));
        assert_eq!(renewing.get().await.unwrap().value, expected);
    }
    let endless = service.renewing(renewal_by(&clock), None);
    let first = endless.get().await.unwrap();
    clock.advance(Duration::from_hours(10_000));
    assert_eq!(endless.get().await.unwrap().value, first.value);
    assert_eq!(first.ends_at, None);
}

#[test]
fn jitter_makes_a_renewal_earlier() {
    let options = RenewalOptions {
        randomness: Arc::new(SeededRandomness::new(1)),
        ..RenewalOptions::default()
    };
    let leads: Vec<_> = (0..100)
        .map(|_| options.lead(Duration::from_hours(1)).as_secs())
        .collect();
    assert!(
        leads.iter().all(|lead| (10..=20).contains(lead)),
        "{leads:?}"
    );
    assert!(
        leads.iter().min() < Some(&12) && leads.iter().max() > Some(&18),
        "{leads:?}"
    );
}

#[tokio::test]
async fn all_callers_wait_for_one_request() {
    let (service, clock) = (Service::new(), ManualClock::new(0));
    let renewing = service.renewing(renewal_by(&clock), Some(LIFETIME));
    let values = join_all((0..100).map(|_| renewing.get())).await;
    assert!(
        values
            .iter()
            .all(|value| value.as_ref().unwrap().value == 1)
    );
    assert_eq!(service.requests(), 1);
    service.fail_with(503);
    clock.advance(LIFETIME);
    let values = join_all((0..100).map(|_| renewing.get())).await;
    assert!(values.iter().all(Result::is_err));
    assert_eq!(service.requests(), 2);
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_cancel_the_request() {
    let (mut service, clock) = (Service::new(), ManualClock::new(0));
    service.gate = Arc::new(Semaphore::new(0));
    let renewing = service.renewing(renewal_by(&clock), Some(LIFETIME));
    let first = tokio::time::timeout(Duration::from_millis(1), renewing.get()).await;
    assert!(first.is_err());
    service.gate.add_permits(1);
    assert_eq!(renewing.get().await.unwrap().value, 1);
    assert_eq!(service.requests(), 1);
}

#[tokio::test]
async fn a_slow_renewal_leaves_the_present_value_in_use() {
    let (service, clock) = (Service::new(), ManualClock::new(0));
    let renewing = service.renewing(renewal_by(&clock), Some(LIFETIME));
    renewing.get().await.unwrap();
    service.gate.forget_permits(Semaphore::MAX_PERMITS);
    clock.advance(Duration::from_secs(50));
    for _ in 0..2 {
        assert_eq!(renewing.get().await.unwrap().value, 1);
    }
    assert_eq!(service.requests(), 2);
    service.gate.add_permits(1);
    clock.advance(Duration::from_secs(10));
    assert_eq!(renewing.get().await.unwrap().value, 2);
    assert_eq!(service.requests(), 2);
}

#[tokio::test]
async fn a_request_that_is_never_answered_does_not_end_renewal() {
    let (service, clock) = (Service::new(), ManualClock::new(0));
    let options = RenewalOptions {
        request_timeout: Duration::from_millis(1),
        ..renewal_by(&clock)
    };
    let renewing = service.renewing(options, Some(LIFETIME));
    let answers = service.gate.forget_permits(Semaphore::MAX_PERMITS);
    let late = tokio::time::timeout(Duration::from_mins(1), renewing.get()).await;
    let late = late.unwrap().unwrap_err();
    assert_eq!(late.to_string(), "no answer within 1ms");
    assert!(!late.is_refusal());
    service.gate.add_permits(answers);
    clock.advance(Duration::from_secs(1));
    assert_eq!(renewing.get().await.unwrap().value, 2);
}

#[tokio::test]
async fn dropping_the_owner_cancels_the_request() {
    struct Reports(Arc<Semaphore>);
    impl Drop for Reports {
        fn drop(&mut self) {
            self.0.add_permits(1);
        }
    }
    let (started, ended) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (start, end) = (Arc::clone(&started), Arc::clone(&ended));
    let renewing = Renewing::<u32>::new(RenewalOptions::default(), move || {
        let (start, report) = (Arc::clone(&start), Reports(Arc::clone(&end)));
        async move {
            let _report = report;
            start.add_permits(1);
            std::future::pending().await
        }
    });
    let _ = tokio::time::timeout(Duration::from_millis(1), renewing.get()).await;
    started.acquire().await.unwrap().forget();
    drop(renewing);
    ended.acquire().await.unwrap().forget();
}

#[tokio::test]
async fn an_outage_leaves_the_value_in_use_until_its_end_and_keeps_its_cause() {
    let (service, clock) = (Service::new(), ManualClock::new(0));
    let renewing = service.renewing(renewal_by(&clock), Some(LIFETIME));
    renewing.get().await.unwrap();
    assert!(renewing.last_failure().is_none());
    service.fail_with(503);
    clock.advance(Duration::from_secs(55));
    let stale = renewing.get().await.unwrap();
    assert_eq!(stale.value, 1);
    assert!(stale.stale.is_some_and(|error| !error.is_refusal()));
    clock.advance(Duration::from_secs(5));
    let error = renewing.get().await.unwrap_err();
    assert!(error.to_string().contains("status 503"), "{error}");
    assert!(renewing.last_failure().is_some());
    service.fail_with(0);
    clock.advance(Duration::from_mins(1));
    assert!(renewing.get().await.unwrap().stale.is_none());
    assert!(renewing.last_failure().is_none());
}

#[tokio::test]
async fn a_failure_is_not_followed_by_a_request_at_once() {
    for (status, waits) in [(503, [1, 2, 4, 8, 16, 30, 30]), (403, [60; 7])] {
        let (service, clock) = (Service::new(), ManualClock::new(0));
        let renewing = service.renewing(renewal_by(&clock), Some(LIFETIME));
        service.fail_with(status);
        for (failures, wait) in (1..).zip(waits) {
            assert_eq!(
                renewing.get().await.unwrap_err().is_refusal(),
                status == 403
            );
            clock.advance(Duration::from_secs(wait - 1) + Duration::from_millis(999));
            renewing.get().await.unwrap_err();
            assert_eq!(service.requests(), failures, "{status}");
            clock.advance(Duration::from_millis(1));
        }
    }
}

#[tokio::test]
async fn a_service_can_ask_for_a_longer_wait_within_bounds() {
    for (asked, waits) in [(20, [20, 20, 20, 20, 20, 30]), (86_400, [300; 6])] {
        let (service, clock) = (Service::new(), ManualClock::new(0));
        let renewing = service.renewing(renewal_by(&clock), Some(LIFETIME));
        service.fail_with(503);
        service.retry_after.store(asked, Ordering::SeqCst);
        for (failures, wait) in (1..).zip(waits) {
            renewing.get().await.unwrap_err();
            clock.advance(Duration::from_secs(wait - 1) + Duration::from_millis(999));
            renewing.get().await.unwrap_err();
            assert_eq!(service.requests(), failures, "{asked}");
            clock.advance(Duration::from_millis(1));
        }
    }
}

#[tokio::test]
async fn a_discarded_value_is_obtained_again() {
    let (service, clock) = (Service::new(), ManualClock::new(0));
    let renewing = service.renewing(renewal_by(&clock), Some(LIFETIME));
    renewing.get().await.unwrap();
    renewing.discard(|value| *value == 7);
    assert_eq!(renewing.get().await.unwrap().value, 1);
    renewing.discard(|value| *value == 1);
    assert_eq!(renewing.get().await.unwrap().value, 2);
}

#[tokio::test]
async fn a_refused_value_is_renewed_once_in_the_wait_after_a_refusal() {
    let (service, clock) = (Service::new(), ManualClock::new(0));
    let renewing = service.renewing(renewal_by(&clock), Some(Duration::from_hours(1)));
    assert_eq!(renewing.get().await.unwrap().value, 1);
    renewing.refuse(|value| *value == 7);
    assert_eq!(renewing.get().await.unwrap().value, 1, "another value");
    for (advance, value) in [(0, 2), (59, 2), (1, 3)] {
        clock.advance(Duration::from_secs(advance));
        renewing.refuse(|_| true);
        assert_eq!(renewing.get().await.unwrap().value, value);
    }
    // The server can be wrong, so the value stays in use while there is no other.
    clock.advance(Duration::from_mins(1));
    service.fail_with(503);
    renewing.refuse(|_| true);
    let current = renewing.get().await.unwrap();
    assert_eq!(current.value, 3);
    assert_eq!(service.requests(), 4);
}
