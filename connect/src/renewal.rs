//! A value that is obtained again before it ends, by one request at a time.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt as _};
use parking_lot::Mutex;
use portcullis_environment::{Clock, Randomness, Rng, SystemClock, SystemRandomness};
use rand::RngExt as _;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::token::TokenError;

/// The maximum wait for a renewal while the present value can still be used, so that a slow service
/// does not delay a reconnect.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The maximum wait that a service can ask for (`Retry-After`). A wrong time would otherwise keep
/// clients away for long.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

/// The times at which credentials are obtained again.
#[derive(Clone, Debug)]
pub struct RenewalOptions {
    /// The time before the end of a credential at which it is renewed, at most half of its
    /// lifetime. Default: 10 s.
    pub early: Duration,
    /// The maximum random addition to `early`, so that the clients of one service do not all renew
    /// at the same time. Default: 10 s.
    pub jitter: Duration,
    /// The wait after an outage, in which no request is made. Each further failure doubles it. If
    /// the service names a longer one (`Retry-After`), that counts, up to five minutes. Default:
    /// 1 s.
    pub retry_wait: Duration,
    /// The maximum wait after an outage. Default: 30 s.
    pub max_retry_wait: Duration,
    /// The wait after a refusal. Default: 1 min.
    pub refusal_wait: Duration,
    /// The maximum time for a request, with all that it needs. Then it counts as an outage, so that
    /// a source that never answers does not end renewal. Default: 2 min.
    pub request_timeout: Duration,
    /// The source of the time. Default: the clocks of the operating system.
    pub clock: Arc<dyn Clock>,
    /// The source of the jitter. Default: the operating system.
    pub randomness: Arc<dyn Randomness>,
}

/// A value from a service, and the time for which it is valid.
pub(crate) struct Fetched<T> {
    pub(crate) value: T,
    /// `None` if the value does not end.
    pub(crate) lifetime: Option<Duration>,
}

/// A value that has not ended.
#[derive(Clone, Debug)]
pub(crate) struct Current<T> {
    pub(crate) value: T,
    pub(crate) ends_at: Option<Instant>,
    /// The time from which the value is renewed. `None` if it does not end.
    pub(crate) renew_at: Option<Instant>,
    /// The failure to renew the value, which is due.
    pub(crate) stale: Option<Arc<TokenError>>,
}

/// A value that is obtained again before it ends.
///
/// One request runs at a time. Callers without a usable value wait for it. A caller that stops
/// waiting does not cancel it; dropping this value does.
pub(crate) struct Renewing<T> {
    shared: Arc<Shared<T>>,
    fetch: Arc<Fetch<T>>,
}

type Fetch<T> = dyn Fn() -> BoxFuture<'static, Result<Fetched<T>, TokenError>> + Send + Sync;

type Outcome<T> = Result<Current<T>, Arc<TokenError>>;

struct Shared<T> {
    options: RenewalOptions,
    /// The clocks at the start, from which all times are measured.
    start: Instant,
    boot: Duration,
    /// INVARIANT: no code waits while it holds the lock.
    state: Mutex<State<T>>,
}

struct State<T> {
    held: Option<Held<T>>,
    failure: Option<Failure>,
    flight: Option<Flight<T>>,
    /// The time, since the start, at which a value was last refused.
    refused_at: Option<Duration>,
}

/// The last good value. Times are since the start.
struct Held<T> {
    value: T,
    ends: Option<Duration>,
    renew_from: Option<Duration>,
}

/// The failure of the last request.
struct Failure {
    error: Arc<TokenError>,
    /// The number of failures in a row.
    count: u32,
    /// The time, since the start, of the next request.
    retry_from: Duration,
}

/// The request in progress.
struct Flight<T> {
    outcome: watch::Receiver<Option<Outcome<T>>>,
    task: AbortHandle,
}

enum Step<T> {
    Done(Outcome<T>),
    /// The end of a request, and the value until then.
    Wait(watch::Receiver<Option<Outcome<T>>>, Option<Current<T>>),
}

impl Default for RenewalOptions {
    fn default() -> Self {
        Self {
            early: Duration::from_secs(10),
            jitter: Duration::from_secs(10),
            retry_wait: Duration::from_secs(1),
            max_retry_wait: Duration::from_secs(30),
            refusal_wait: Duration::from_mins(1),
            request_timeout: Duration::from_mins(2),
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
        }
    }
}

impl RenewalOptions {
    /// Returns how long before its end a credential that is valid for `lifetime` is renewed.
    pub(crate) fn lead(&self, lifetime: Duration) -> Duration {
        let jitter = self.random_delay(Duration::MAX);
        self.early.saturating_add(jitter).min(lifetime / 2)
    }

    /// Returns a random time up to the jitter, and up to `limit`.
    pub(crate) fn random_delay(&self, limit: Duration) -> Duration {
        Rng::new(&*self.randomness).random_range(Duration::ZERO..=self.jitter.min(limit))
    }
}

impl<T: Clone + Send + Sync + 'static> Renewing<T> {
    /// Creates a value that `fetch` obtains, without obtaining it.
    pub(crate) fn new<F>(
        options: RenewalOptions,
        fetch: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Fetched<T>, TokenError>> + Send + 'static,
    {
        let (start, boot) = (options.clock.now(), options.clock.since_boot());
        let state = State {
            held: None,
            failure: None,
            flight: None,
            refused_at: None,
        };
        Self {
            shared: Arc::new(Shared {
                options,
                start,
                boot,
                state: Mutex::new(state),
            }),
            fetch: Arc::new(move || fetch().boxed()),
        }
    }

    /// Returns a value that has not ended. Obtains another one if renewal is due, and returns the
    /// present one if that fails or takes longer than a second.
    ///
    /// # Errors
    ///
    /// Fails if there is no value that has not ended, and none was obtained. For some time after a
    /// failure, returns the same failure without a request.
    pub(crate) async fn get(&self) -> Outcome<T> {
        let (mut waiting, usable) = match self.step() {
            Step::Done(outcome) => return outcome,
            Step::Wait(waiting, usable) => (waiting, usable),
        };
        let end = waiting.wait_for(Option::is_some);
        let ended = match usable {
            None => end.await,
            Some(current) => match timeout(MAX_WAIT, end).await {
                Ok(ended) => ended,
                Err(_) => return Ok(current),
            },
        };
        let outcome = ended.ok().and_then(|outcome| (*outcome).clone());
        match outcome.unwrap_or_else(|| Err(Arc::new(TokenError::Interrupted))) {
            Ok(current) => Ok(current),
            Err(error) => self.shared.usable(Some(&error)).ok_or(error),
        }
    }

    /// Forgets the value if `matches` is true for it.
    pub(crate) fn discard(&self, matches: impl FnOnce(&T) -> bool) {
        let mut state = self.shared.state.lock();
        if state.held.as_ref().is_some_and(|held| matches(&held.value)) {
            state.held = None;
        }
    }

    /// Makes renewal due if `matches` is true for the value, because a server refuses it. The value
    /// stays usable, because the server can be wrong. Does so once in the wait after a refusal.
    pub(crate) fn refuse(&self, matches: impl FnOnce(&T) -> bool) {
        let now = self.shared.now();
        let wait = self.shared.options.refusal_wait;
        let mut state = self.shared.state.lock();
        if state
            .refused_at
            .is_some_and(|at| now < at.saturating_add(wait))
        {
            return;
        }
        let Some(held) = state.held.as_mut().filter(|held| matches(&held.value)) else {
            return;
        };
        held.renew_from = Some(now);
        state.refused_at = Some(now);
    }

    /// Returns the failure of the last request. `None` after a success.
    pub(crate) fn last_failure(&self) -> Option<Arc<TokenError>> {
        let state = self.shared.state.lock();
        let failure = state.failure.as_ref()?;
        Some(Arc::clone(&failure.error))
    }

    fn step(&self) -> Step<T> {
        let now = self.shared.now();
        let mut state = self.shared.state.lock();
        let held = state.held.as_ref();
        if let Some(held) = held.filter(|held| !held.is_due(now)) {
            return Step::Done(Ok(self.shared.current(held, now, None)));
        }
        let usable = held.filter(|held| !held.has_ended(now));
        if let Some(failure) = state.failure.as_ref().filter(|it| now < it.retry_from) {
            return Step::Done(match usable {
                Some(held) => Ok(self.shared.current(held, now, Some(&failure.error))),
                None => Err(Arc::clone(&failure.error)),
            });
        }
        let usable = usable.map(|held| self.shared.current(held, now, None));
        if let Some(flight) = state.flight.as_ref().filter(|flight| flight.is_under_way()) {
            return match usable {
                Some(current) => Step::Done(Ok(current)),
                None => Step::Wait(flight.outcome.clone(), None),
            };
        }
        let flight = self.start();
        let outcome = flight.outcome.clone();
        state.flight = Some(flight);
        Step::Wait(outcome, usable)
    }

    /// Starts a request in a task of its own, so that it outlives the attempt that needs it.
    fn start(&self) -> Flight<T> {
        let (sender, outcome) = watch::channel(None);
        let (fetch, shared) = (Arc::clone(&self.fetch), Arc::downgrade(&self.shared));
        // The lifetime counts from the request, because the answer takes time.
        let requested_at = self.shared.now();
        let limit = self.shared.options.request_timeout;
        let task = async move {
            let result = match timeout(limit, fetch()).await {
                Ok(result) => result,
                Err(_) => Err(TokenError::Late(limit)),
            };
            if let Some(shared) = shared.upgrade() {
                sender.send_replace(Some(shared.record(result, requested_at)));
            }
        };
        // The request belongs to the trace of the caller that needs it first.
        let task = tokio::spawn(task.in_current_span()).abort_handle();
        Flight { outcome, task }
    }
}

impl<T: Clone> Shared<T> {
    /// Returns the time since the start, including that in which the machine was suspended.
    fn now(&self) -> Duration {
        let clock = &self.options.clock;
        let boot = clock.since_boot().saturating_sub(self.boot);
        clock.elapsed(self.start).max(boot)
    }

    fn record(&self, result: Result<Fetched<T>, TokenError>, requested_at: Duration) -> Outcome<T> {
        let now = self.now();
        let mut state = self.state.lock();
        match result {
            Ok(Fetched { value, lifetime }) => {
                let ends = lifetime.map(|lifetime| requested_at.saturating_add(lifetime));
                let renew_from = ends.zip(lifetime);
                let renew_from = renew_from
                    .map(|(ends, lifetime)| ends.saturating_sub(self.options.lead(lifetime)));
                let held = Held {
                    value,
                    ends,
                    renew_from,
                };
                let current = self.current(&held, now, None);
                state.held = Some(held);
                state.failure = None;
                Ok(current)
            }
            Err(error) => {
                let error = Arc::new(error);
                let count = state.failure.as_ref().map_or(0, |failure| failure.count);
                let wait = self.wait_after(&error, count);
                state.failure = Some(Failure {
                    error: Arc::clone(&error),
                    count: count.saturating_add(1),
                    retry_from: now.saturating_add(wait),
                });
                Err(error)
            }
        }
    }

    /// Returns the wait after `error`, which follows `failures` failures in a row.
    fn wait_after(&self, error: &TokenError, failures: u32) -> Duration {
        if error.is_refusal() {
            return self.options.refusal_wait;
        }
        let factor = 2_u32.saturating_pow(failures.min(16));
        let wait = self.options.retry_wait.saturating_mul(factor);
        let wait = wait.min(self.options.max_retry_wait);
        let asked = error.retry_after().unwrap_or_default();
        wait.max(asked.min(MAX_RETRY_AFTER))
    }

    /// Returns the value if it has not ended.
    fn usable(&self, stale: Option<&Arc<TokenError>>) -> Option<Current<T>> {
        let now = self.now();
        let locked = self.state.lock();
        let held = locked.held.as_ref().filter(|held| !held.has_ended(now))?;
        Some(self.current(held, now, stale))
    }

    fn current(
        &self,
        held: &Held<T>,
        now: Duration,
        stale: Option<&Arc<TokenError>>,
    ) -> Current<T> {
        let clock = self.options.clock.now();
        let at = |time: Duration| clock.checked_add(time.saturating_sub(now));
        Current {
            value: held.value.clone(),
            ends_at: held.ends.and_then(at),
            renew_at: held.renew_from.and_then(at),
            stale: stale.map(Arc::clone),
        }
    }
}

impl<T> Held<T> {
    fn has_ended(&self, now: Duration) -> bool {
        self.ends.is_some_and(|ends| now >= ends)
    }

    /// Returns whether the value has to be obtained again.
    fn is_due(&self, now: Duration) -> bool {
        self.renew_from.is_some_and(|from| now >= from)
    }
}

impl<T> Flight<T> {
    fn is_under_way(&self) -> bool {
        // The sender is dropped at the end of the task, also if the task panics.
        self.outcome.borrow().is_none() && self.outcome.has_changed().is_ok()
    }
}

impl<T> Drop for Flight<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Shows the times of renewal only.
impl<T> fmt::Debug for Renewing<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Renewing")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
