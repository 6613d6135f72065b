//! The handling of one request, from the message to the reply and the log line.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_nats::HeaderMap;
use bytes::Bytes;
use portcullis_authority::Authority;
use portcullis_claims::KnownSigners;
use portcullis_connect::LoginProbe;
use portcullis_core::{
    AuthorizationRequest, Authorizer, Decision, DenialClass, Identity, Outcome, Server, with_causes,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep_until;

use crate::counters::{Counters, InFlight};
use crate::decision_log::{Replied, log_decision, log_summed_up};
use crate::deny::{DenyMode, DenyModes};
use crate::discovery::Discovery;
use crate::keys::HostKeys;
use crate::open::{OpenRules, Opened, Refused, SeenRequests, open, patience};
use crate::options::{QueueGroup, ServiceOptions, TimeLimits};
use crate::participation::{Mismatches, Participation, ParticipationOptions, is_probe};
use crate::pauses::{Moment, Pauses};
use crate::refusals::{FOREIGN, Refusal, Refusals};
use crate::rejections::{RecentPermits, Verdict};
use crate::reply::{ReplyError, ReplyToken};
use crate::seal::{Recipient, seal};
use crate::trust::Replays;

/// The number of places in the queue for each decision that may run.
const QUEUE_FACTOR: usize = 16;

/// Maximum number of denials delayed at the same time. The host sends further ones at once.
const MAX_DELAYED: usize = 4096;

/// Time before the server's timeout at which a delayed denial is sent at the latest.
const MARGIN: Duration = Duration::from_millis(250);

/// Interval between two summaries of throttled logins and of refused requests.
const SUMMARY: Duration = Duration::from_secs(10);

/// The text of the refusal of a message that no server sent.
const NOT_A_SERVER: &str = "the reply subject is not an inbox of a server (`$SYS._INBOX.…`): no server asked, and a user of the \
     callout account has a message delivered here";

/// The reason of the denial of a request that the server no longer waits for.
const TOO_OLD: &str = "the server had given up before this host read the request: the host was stopped or could not keep up";

/// A message with its time of arrival. The payload contains passwords and tokens.
pub(crate) struct Received {
    pub(crate) payload: Bytes,
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) reply: ReplyToken,
    pub(crate) at: Instant,
    /// The place of the message in the queue.
    pub(crate) place: OwnedSemaphorePermit,
}

/// The state that all requests of the service share.
#[derive(Debug)]
pub(crate) struct Handler<A> {
    pub(crate) authority: Authority<A>,
    keys: HostKeys,
    open: OpenRules,
    pub(crate) deny: DenyModes,
    pub(crate) times: TimeLimits,
    pub(crate) group: QueueGroup,
    pub(crate) joins: ParticipationOptions,
    pub(crate) probe: Option<LoginProbe>,
    pub(crate) discovery: Option<Discovery>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) permits: Arc<RecentPermits>,
    pub(crate) participation: Arc<Participation>,
    pub(crate) mismatches: Mismatches,
    /// The queue, with one permit for each request that may be in the host.
    queue: Arc<Semaphore>,
    pauses: Pauses,
    refusals: Refusals,
    seen: SeenRequests,
    delayed: Semaphore,
}

/// The facts about one request that its reply and its log line need.
struct Context {
    request: Arc<AuthorizationRequest>,
    sealed_by: Option<portcullis_claims::PublicKey>,
    at: Instant,
    /// The time of arrival.
    received: Moment,
    /// The time that the server waits after the arrival. `None` if the request does not say.
    patience: Option<Duration>,
    /// Whether the decision gets its own log line at `info`. A summary counts the other throttled
    /// logins.
    is_told: bool,
    /// The place in the queue, until the request is decided or waits for the throttle.
    place: Option<OwnedSemaphorePermit>,
}

impl<A: Authorizer> Handler<A> {
    pub(crate) fn new(authorizer: A, options: ServiceOptions, counters: Arc<Counters>) -> Self {
        let joins = options.participation;
        let places = options.authority.max_in_flight.saturating_mul(QUEUE_FACTOR);
        let replays = options.open.refuse_replays;
        Self {
            authority: Authority::new(authorizer, options.authority),
            keys: options.keys,
            open: options.open,
            deny: options.deny,
            times: options.times,
            group: options.group,
            joins,
            probe: options.probe,
            discovery: options.discovery,
            counters,
            permits: Arc::new(RecentPermits::new(joins.max_mismatches)),
            participation: Arc::default(),
            mismatches: Mismatches::new(joins.max_mismatches),
            queue: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            pauses: Pauses::default(),
            refusals: Refusals::default(),
            seen: SeenRequests {
                signers: KnownSigners::new(),
                replays: replays.then(|| Replays::new(Replays::MAX_ENTRIES)),
            },
            delayed: Semaphore::new(MAX_DELAYED),
        }
    }

    /// Returns a place in the queue. `None` if the queue is full.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.queue).try_acquire_owned().ok()
    }

    /// Returns whether the expected wait for a decision slot is below the deadline.
    pub(crate) fn has_time(&self) -> bool {
        self.authority.expected_wait() < self.times.deadline
    }

    /// Answers one request, at most once.
    pub(crate) async fn handle(self: Arc<Self>, received: Received) {
        let in_flight = self.counters.received();
        let Received {
            payload,
            headers,
            reply,
            at,
            place,
        } = received;
        if !reply.is_for_server() {
            // The sender chose the reply subject, so the host sends no reply.
            return self.record_refusal(Refusal {
                reply_subject: Some(reply.subject()),
                ..Refusal::new(FOREIGN, NOT_A_SERVER)
            });
        }
        let mut context = match self.open(&payload, headers.as_ref(), at) {
            Ok(context) => {
                self.mismatches.right();
                Context {
                    place: Some(place),
                    ..context
                }
            }
            Err(Refused { error, request }) => {
                self.mismatches.refused(error.kind());
                let error_text = with_causes(&error);
                let refusal = Refusal {
                    request: request.as_deref(),
                    ..Refusal::new(error.kind(), &error_text)
                };
                return self.refuse(reply, refusal).await;
            }
        };
        drop(payload);
        if is_probe(&context.request.credentials) {
            return self.deny_probe(&context.request.server, reply).await;
        }
        let deadline = context.deadline(self.times.deadline);
        let decision = if context.is_late() {
            Decision::deny(DenialClass::Deadline, TOO_OLD)
        } else {
            self.decide(&mut context, deadline).await
        };
        drop(context.place.take());
        self.answer(context, decision, reply, in_flight).await;
    }

    /// Refuses a request of a server that the host does not trust or has no time for.
    pub(crate) async fn refuse(&self, reply: ReplyToken, refusal: Refusal<'_>) {
        self.record_refusal(refusal);
        if let Err(error) = reply.refuse().await {
            tracing::error!(error = with_causes(&error), "reply lost");
        }
    }

    /// Counts a request that is not decided, for metrics and the log.
    pub(crate) fn record_refusal(&self, refusal: Refusal<'_>) {
        self.counters.refused(refusal.reason);
        self.refusals.record(refusal);
    }

    /// Denies a login that a host made to test whether servers send it requests. The throttle does
    /// not count this denial as a failed attempt.
    async fn deny_probe(&self, server: &Server, reply: ReplyToken) {
        self.participation.probes.answered();
        tracing::debug!(
            server.id = server.id,
            server.name = server.name,
            "probe login denied"
        );
        if let Err(error) = reply.refuse().await {
            tracing::error!(error = with_causes(&error), "reply lost");
        }
    }

    /// Decrypts, decodes and verifies a request that arrived at the time `at`.
    fn open(
        &self,
        payload: &Bytes,
        headers: Option<&HeaderMap>,
        at: Instant,
    ) -> Result<Context, Refused> {
        let opened = open(
            payload,
            headers,
            unix_now(),
            &self.keys,
            &self.open,
            &self.seen,
        )?;
        let received = Moment::at(at);
        let age = self.pauses.age(opened.request.issued_at(), received);
        let context = Context::new(opened, at, received, age);
        self.counters.asked_by(&context.request.server);
        Ok(context)
    }

    /// Watches for pauses of this process and writes the summaries of the log, without end.
    pub(crate) async fn tend(&self) {
        let summaries = async {
            let mut intervals = tokio::time::interval(SUMMARY);
            loop {
                intervals.tick().await;
                self.authority.throttle().write_summary();
                self.refusals.write_summary();
            }
        };
        tokio::join!(self.pauses.watch(), summaries);
    }

    async fn decide(&self, context: &mut Context, deadline: Instant) -> Decision {
        let (request, place) = (&mut context.request, &mut context.place);
        let considered = self.authority.decide(request, deadline, place).await;
        context.is_told = considered.is_reported;
        considered.decision
    }

    /// Does the work of [`handle`](Self::handle), without NATS and the log. Returns the response,
    /// the decision, and the times at which the request was opened, decided and sealed.
    ///
    /// # Errors
    ///
    /// Fails if the request is not decided.
    #[cfg(feature = "measure")]
    pub(crate) async fn measured(
        &self,
        payload: &Bytes,
        headers: Option<&HeaderMap>,
    ) -> Result<(Option<Bytes>, Decision, [Instant; 3]), Refused> {
        let mut context = self.open(payload, headers, Instant::now())?;
        let opened = Instant::now();
        let deadline = context.deadline(self.times.deadline);
        let decision = self.decide(&mut context, deadline).await;
        let decided = Instant::now();
        let (response, decision) = self.sealed(&context, decision, usize::MAX);
        Ok((response, decision, [opened, decided, Instant::now()]))
    }

    /// Replies as `[callout.deny]` says. Logs the decision once the result of sending the reply is
    /// known.
    async fn answer(
        self: Arc<Self>,
        context: Context,
        decision: Decision,
        reply: ReplyToken,
        in_flight: InFlight,
    ) {
        let (response, decision) = self.sealed(&context, decision, reply.largest());
        let mode = match &decision.outcome {
            Outcome::Permit(_) => DenyMode::Error,
            Outcome::Deny(denial) => self.deny.for_class(denial.class),
        };
        if let DenyMode::Delay(delay) = mode {
            self.hold_back(&context, delay).await;
        }
        if context.is_late() {
            self.counters.late();
            return self.conclude(&context, &decision, &Replied::Late);
        }
        let response = match mode {
            DenyMode::Drop => return self.conclude(&context, &decision, &Replied::Dropped),
            DenyMode::Empty => None,
            DenyMode::Error | DenyMode::Delay(_) => response,
        };
        let verdict = match (&decision.outcome, &response) {
            (Outcome::Permit(permit), Some(_)) => {
                let policy = decision.policy.as_ref();
                self.permits
                    .record(&context.request, permit, policy, Instant::now())
            }
            _ => Verdict::Open,
        };
        let concluded = move |sent: Result<(), ReplyError>| {
            let replied = match (sent, verdict) {
                (Err(error), _) => {
                    self.counters.lost();
                    Replied::Lost(with_causes(&error))
                }
                (Ok(()), Verdict::Refused) => {
                    self.counters.late();
                    Replied::GivenUp
                }
                (Ok(()), Verdict::Open) => Replied::Sent,
            };
            self.conclude(&context, &decision, &replied);
            drop(in_flight);
        };
        reply.respond(response, concluded).await;
    }

    fn conclude(&self, context: &Context, decision: &Decision, replied: &Replied) {
        self.counters
            .decided(&decision.outcome, context.at.elapsed(), replied.is_sent());
        if context.is_told {
            log_decision(&context.request, decision, context.at, replied);
        } else {
            log_summed_up(&context.request, decision);
        }
    }

    /// Waits for `delay` before a denial is sent, or until shortly before the server gives up.
    /// Returns at once if the maximum number of denials is delayed.
    async fn hold_back(&self, context: &Context, delay: Duration) {
        let Ok(_held) = self.delayed.try_acquire() else {
            return;
        };
        let until = context.at + delay;
        let latest = context.patience.map(|patience| {
            let patience = patience.saturating_sub(MARGIN);
            context.at + patience
        });
        sleep_until(latest.map_or(until, |latest| until.min(latest)).into()).await;
    }

    /// Returns the response and the decision that it carries. If the response cannot be made or the
    /// server would refuse it, the decision is a denial. The response is `None` if the denial
    /// cannot be sealed either. `largest` is the server's limit, in bytes.
    fn sealed(
        &self,
        context: &Context,
        decision: Decision,
        largest: usize,
    ) -> (Option<Bytes>, Decision) {
        let recipient = Recipient {
            now: unix_now(),
            largest,
            xkey: context.sealed_by.as_ref(),
        };
        match seal(&context.request, &decision, &self.keys, recipient) {
            Ok(response) => (Some(response), decision),
            Err(error) => {
                let denial = Decision {
                    policy: decision.policy,
                    abstained: decision.abstained,
                    ..Decision::deny(error.class(), with_causes(&error))
                };
                let response = seal(&context.request, &denial, &self.keys, recipient).ok();
                (response, denial)
            }
        }
    }
}

impl Context {
    /// Creates the context of a request that the host read at `received` with this `age`.
    fn new(opened: Opened, at: Instant, received: Moment, age: Duration) -> Self {
        let patience = patience(opened.request.issued_at(), opened.request.expires_at());
        let mut request = opened.request.into_request();
        request.identity = Identity::claimed(&request.credentials);
        Self {
            request: Arc::new(request),
            sealed_by: opened.sealed_by,
            at,
            received,
            patience: patience.map(|patience| patience.saturating_sub(age)),
            is_told: true,
            place: None,
        }
    }

    /// Returns the time at which an answer is too late: `longest` after the arrival, or the
    /// server's timeout if that is sooner.
    fn deadline(&self, longest: Duration) -> Instant {
        self.at
            + self
                .patience
                .map_or(longest, |patience| longest.min(patience))
    }

    fn is_late(&self) -> bool {
        self.patience
            .is_some_and(|patience| Moment::now().since(self.received) > patience)
    }
}

fn unix_now() -> u64 {
    // Zero makes a request look issued in the future, so a clock before 1970 fails closed.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}
