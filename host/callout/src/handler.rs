//! The handling of one request, from the message to the reply and the log line.

mod conclusion;
mod context;
mod rules;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use portcullis_authority::{Authority, Place, Stage, TraceParent};
use portcullis_claims::KnownSigners;
use portcullis_connect::{HeaderMap, Nats};
use portcullis_core::{Authorizer, Decision, DenialClass, Outcome, Server, with_causes};
use portcullis_environment::{Clock, SystemClock};
use tokio::sync::Semaphore;
use tokio::time::sleep_until;

use crate::confirmations::{INTERVAL, Refusal as ServerRefusal, settles_at};
use crate::counters::{Counters, InFlight};
use crate::deny::DenyMode;
use crate::open::{Refused, SeenRequests, open};
use crate::participation::{Evidence, is_probe};
use crate::pauses::{Moment, Pauses};
use crate::refusals::{FOREIGN, Refusal, Refusals};
use crate::rejections::LoginState;
use crate::replied::Replied;
use crate::reply::{ReplyError, ReplyToken};
use crate::seal::{Recipient, seal};
use crate::trust::Replays;
use context::Context;
pub(crate) use rules::HandlingRules;

/// Maximum number of denials delayed at the same time. The host sends further ones at once.
const MAX_DELAYED: usize = 4096;

/// Time before the server's timeout at which a delayed denial is sent at the latest.
const MARGIN: Duration = Duration::from_millis(250);

/// The header of a request with the trace that it belongs to (W3C Trace Context). Servers send none
/// today.
const TRACEPARENT: &str = "traceparent";

/// Interval between two summaries of throttled logins and of refused requests.
const SUMMARY: Duration = Duration::from_secs(10);

/// The text of the refusal of a message that no server sent.
const NOT_A_SERVER: &str = "the reply subject is not an inbox of a server (`$SYS._INBOX.…`): no server asked, and a user of the \
     callout account has a message delivered here";

/// The reason of the denial of a request that the server no longer waits for.
const TOO_OLD: &str = "the server had given up before this host read the request: the host was stopped or could not keep up";

/// A message with its time of arrival. The payload contains passwords and tokens.
pub(crate) struct Received<N> {
    pub(crate) payload: Bytes,
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) reply: ReplyToken<N>,
    pub(crate) at: Instant,
    /// The place of the message in the queue.
    pub(crate) place: Place,
}

/// The state that all requests of the service share.
#[derive(Debug)]
pub(crate) struct Handler<A, C = SystemClock> {
    pub(crate) authority: Arc<Authority<A, C>>,
    pub(crate) rules: ArcSwap<HandlingRules>,
    pub(crate) clock: C,
    pub(crate) counters: Arc<Counters>,
    pub(crate) evidence: Arc<Evidence>,
    pauses: Pauses,
    refusals: Refusals,
    seen: SeenRequests,
    delayed: Semaphore,
}

/// The work on one request, for benchmarks.
#[cfg(feature = "measure")]
#[derive(Debug)]
pub struct Handled {
    /// The response. `None` if it cannot be made.
    pub response: Option<Bytes>,
    /// The decision that the response carries.
    pub decision: Decision,
    /// The time at which the request was verified.
    pub opened_at: Instant,
    /// The time at which the decision was made.
    pub decided_at: Instant,
    /// The time at which the response was ready.
    pub sealed_at: Instant,
}

impl<A: Authorizer, C: Clock + Clone> Handler<A, C> {
    pub(crate) fn new(
        authority: Arc<Authority<A, C>>,
        rules: HandlingRules,
        evidence: Arc<Evidence>,
        clock: C,
    ) -> Self {
        Self {
            authority,
            rules: ArcSwap::from_pointee(rules),
            clock,
            counters: Arc::default(),
            evidence,
            pauses: Pauses::default(),
            refusals: Refusals::default(),
            seen: SeenRequests {
                signers: KnownSigners::new(),
                replays: Some(Replays::new(Replays::MAX_ENTRIES)),
            },
            delayed: Semaphore::new(MAX_DELAYED),
        }
    }

    /// Answers one request, at most once.
    pub(crate) async fn handle<N: Nats>(self: Arc<Self>, received: Received<N>) {
        let in_flight = self.counters.received(self.clock.unix_seconds());
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
            Ok(mut context) => {
                self.evidence.mismatches.right();
                context.place = place;
                context
            }
            Err(Refused { error, request }) => {
                self.evidence.mismatches.refused(error.kind());
                let error_text = with_causes(&error);
                let refusal = Refusal {
                    request: request.as_deref(),
                    ..Refusal::new(error.kind(), &error_text)
                };
                return self.refuse(reply, refusal).await;
            }
        };
        drop(payload);
        if is_probe(&context.request) {
            return self.deny_probe(&context.request.server, reply).await;
        }
        let deadline = context.deadline();
        let decision = if context.is_late(&self.clock) {
            Decision::deny(DenialClass::Deadline, TOO_OLD)
        } else {
            self.decide(&mut context, deadline).await
        };
        context.place.free();
        self.answer(context, decision, reply, in_flight).await;
    }

    /// Refuses a request of a server that the host does not trust or has no time for.
    pub(crate) async fn refuse<N: Nats>(&self, reply: ReplyToken<N>, refusal: Refusal<'_>) {
        self.record_refusal(refusal);
        if let Err(error) = reply.refuse().await {
            tracing::error!(error = with_causes(&error), "reply lost");
        }
    }

    /// Counts a request that is not decided, for metrics and the log.
    pub(crate) fn record_refusal(&self, refusal: Refusal<'_>) {
        self.counters.refused(refusal.reason);
        self.refusals.record(refusal, self.clock.now());
    }

    /// Denies a login that a host made to test whether servers send it requests. The throttle does
    /// not count this denial as a failed attempt.
    async fn deny_probe<N: Nats>(&self, server: &Server, reply: ReplyToken<N>) {
        self.evidence.participation.probes.answered();
        tracing::debug!(
            server.id = server.id.as_str(),
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
        let rules = self.rules.load_full();
        let opened = open(
            payload,
            headers,
            self.clock.unix_seconds(),
            &rules.keys,
            &rules.open,
            &self.seen,
        )?;
        let received = Moment::at(at, &self.clock);
        let age = self.pauses.age(opened.request.issued_at(), received);
        let mut context = Context::new(opened, rules, at, received, age);
        self.begin_trace(&mut context, headers);
        self.counters.asked_by(&context.request.server);
        Ok(context)
    }

    /// Begins the trace of the login, if it is traced.
    fn begin_trace(&self, context: &mut Context, headers: Option<&HeaderMap>) {
        let tracer = self.authority.tracer();
        if tracer.is_on() {
            let parent = headers.and_then(|headers| headers.get(TRACEPARENT));
            let parent = parent.and_then(|parent| parent.as_str().parse::<TraceParent>().ok());
            context.trace = tracer.begin(parent);
            context.opened_at = Some(self.clock.now());
        }
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
        tokio::join!(self.pauses.watch(&self.clock), summaries);
    }

    /// Records permitted logins once their servers can no longer refuse them, without end. `client`
    /// is the connection on which the host hears refusals.
    pub(crate) async fn settle_records(&self, client: impl Nats) {
        let mut intervals = tokio::time::interval(INTERVAL);
        let mut connects = None;
        loop {
            intervals.tick().await;
            let before = connects.replace(client.connects());
            let is_same = before == connects;
            let hears = self.evidence.permits.listens() && client.is_connected() && is_same;
            let settled = self.evidence.confirmations.settle(self.clock.now(), hears);
            for record in settled {
                self.authority.recorder().send(record);
            }
        }
    }

    async fn decide(&self, context: &mut Context, deadline: Instant) -> Decision {
        let rules = Arc::clone(&context.rules.login);
        let (request, place) = (&mut context.request, &mut context.place);
        let considered = self
            .authority
            .decide_by(rules, request, deadline, place)
            .await;
        context.is_reported = considered.is_reported;
        context.times = considered.times;
        if let Some(at) = context.opened_at {
            context.times.end_at(Stage::Open, at);
        }
        considered.decision
    }

    /// Does the work of [`handle`](Self::handle), without NATS and the log.
    ///
    /// # Errors
    ///
    /// Fails if the request is not decided.
    #[cfg(feature = "measure")]
    pub(crate) async fn measured(
        &self,
        payload: &Bytes,
        headers: Option<&HeaderMap>,
    ) -> Result<Handled, Refused> {
        let mut context = self.open(payload, headers, self.clock.now())?;
        let opened_at = self.clock.now();
        let deadline = context.deadline();
        let decision = self.decide(&mut context, deadline).await;
        let decided_at = self.clock.now();
        let (response, decision) = self.sealed(&context, decision, usize::MAX);
        Ok(Handled {
            response,
            decision,
            opened_at,
            decided_at,
            sealed_at: self.clock.now(),
        })
    }

    /// Replies as `[callout.deny]` says. Logs the decision once the result of sending the reply is
    /// known.
    async fn answer<N: Nats>(
        self: Arc<Self>,
        context: Context,
        decision: Decision,
        reply: ReplyToken<N>,
        in_flight: InFlight,
    ) {
        let (response, decision) = self.sealed(&context, decision, reply.largest());
        context.times.end(Stage::Seal, &self.clock);
        let mode = match &decision.outcome {
            Outcome::Permit(_) => DenyMode::Error,
            Outcome::Deny(denial) => context.rules.deny.for_class(denial.class),
        };
        if let DenyMode::Delay(delay) = mode {
            self.hold_back(&context, delay).await;
        }
        let room = self.reserve(&context, &decision).await;
        if context.is_late(&self.clock) {
            self.counters.late();
            return self.conclude(&context, &decision, &Replied::Late, room, None);
        }
        let response = match mode {
            DenyMode::Drop => {
                return self.conclude(&context, &decision, &Replied::Dropped, room, None);
            }
            DenyMode::Empty => None,
            DenyMode::Error | DenyMode::Delay(_) => response,
        };
        let now = self.clock.now();
        let settles = settles_at(now, context.gives_up_at());
        let refusal = room.is_some().then(ServerRefusal::default);
        let state = match (&decision.outcome, &response) {
            (Outcome::Permit(permit), Some(_)) => {
                let policy = decision.policy.as_ref();
                let recorded = refusal.as_ref().map(|refusal| (refusal, settles));
                self.evidence
                    .permits
                    .record(&context.request, permit, policy, now, recorded)
            }
            _ => LoginState::Waiting,
        };
        let concluded = move |sent: Result<(), ReplyError>| {
            let replied = match (sent, state) {
                (Err(error), _) => {
                    self.counters.lost();
                    Replied::Lost(with_causes(&error))
                }
                (Ok(()), LoginState::Refused) => {
                    self.counters.late();
                    Replied::GivenUp
                }
                (Ok(()), LoginState::Waiting) => Replied::Sent,
            };
            let refusal = refusal.map(|refusal| (refusal, settles));
            self.conclude(&context, &decision, &replied, room, refusal);
            drop(in_flight);
        };
        reply.respond(response, concluded).await;
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
            now: self.clock.unix_seconds(),
            largest,
        };
        match seal(&context.request, &decision, &context.keys, recipient) {
            Ok(response) => (Some(response), decision),
            Err(error) => {
                let denial = Decision {
                    policy: decision.policy,
                    abstained: decision.abstained,
                    steps: decision.steps,
                    ..Decision::deny(error.class(), with_causes(&error))
                };
                let response = seal(&context.request, &denial, &context.keys, recipient).ok();
                (response, denial)
            }
        }
    }
}
