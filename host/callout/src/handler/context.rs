//! The context of one request, from its verification to its log line.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_authority::{ActiveTrace, Place, StageTimes};
use portcullis_core::{AuthorizationRequest, Identity};
use portcullis_environment::Clock;

use super::rules::HandlingRules;
use crate::keys::ResponseKeys;
use crate::open::{Opened, patience};
use crate::pauses::Moment;

/// The facts about one request that its reply and its log line need.
pub(super) struct Context {
    pub(super) request: Arc<AuthorizationRequest>,
    /// The rules that the request began with.
    pub(super) rules: Arc<HandlingRules>,
    /// The keys for the response.
    pub(super) keys: ResponseKeys,
    /// Time of arrival on the monotonic clock.
    pub(super) at: Instant,
    /// The arrival on the clocks that show pauses.
    received: Moment,
    /// The time that the server waits after the arrival. `None` if the request does not say.
    pub(super) patience: Option<Duration>,
    /// Whether the decision gets its own log line at `info`. A summary counts the other throttled
    /// logins.
    pub(super) is_reported: bool,
    /// The place in the queue, until the request is decided or waits for the throttle.
    pub(super) place: Place,
    /// The trace of the login. `None` if it is not traced.
    pub(super) trace: Option<ActiveTrace>,
    /// The end of the verification, if the login is traced.
    pub(super) opened_at: Option<Instant>,
    /// The ends of the stages, if the login is traced.
    pub(super) times: StageTimes,
}

impl Context {
    /// Creates the context of a request that the host read at `received` with this `age`.
    pub(super) fn new(
        opened: Opened,
        rules: Arc<HandlingRules>,
        at: Instant,
        received: Moment,
        age: Duration,
    ) -> Self {
        let patience = patience(opened.request.issued_at(), opened.request.expires_at());
        let mut request = opened.request.into_request();
        request.identity = Identity::claimed(&request.credentials);
        Self {
            request: Arc::new(request),
            rules,
            keys: opened.keys,
            at,
            received,
            patience: patience.map(|patience| patience.saturating_sub(age)),
            is_reported: true,
            place: Place::default(),
            trace: None,
            opened_at: None,
            times: StageTimes::default(),
        }
    }

    /// Returns the time at which an answer is too late: the host's deadline after the arrival, or
    /// the server's timeout if that is sooner.
    pub(super) fn deadline(&self) -> Instant {
        let longest = self.rules.times.deadline;
        self.at
            + self
                .patience
                .map_or(longest, |patience| longest.min(patience))
    }

    /// Returns the time at which the server stops waiting. `None` if the request does not say.
    pub(super) fn gives_up_at(&self) -> Option<Instant> {
        self.patience.map(|patience| self.at + patience)
    }

    pub(super) fn is_late(&self, clock: &impl Clock) -> bool {
        self.patience
            .is_some_and(|patience| Moment::now(clock).since(self.received) > patience)
    }
}
