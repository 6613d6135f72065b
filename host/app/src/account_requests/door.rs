//! The front door for accounts that signed themselves: from a message to a signed account or a
//! refusal.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use portcullis_accounts::{AccountJwt, AccountRequests, AskedAccount, Granted};
use portcullis_authority::{Answered, Authority, Considered, Place, Stage, account_tags};
use portcullis_claims::{KeyKind, PublicKey};
use portcullis_connect::{Message, Nats, SubscribeError};
use portcullis_core::{
    AuthorizationRequest, Authorizer, Decision, Denial, Outcome, Server, with_causes,
};
use portcullis_environment::{Clock as _, Randomness as _, SystemClock, SystemRandomness};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tracing::{info, warn};

use super::answers::{DENIED, NOT_DECIDED, answer_to, class_of, reply};
use super::counters::Counters;
use super::request::request_of;

/// The queue group of hosts that answer the same subject.
const GROUP: &str = "portcullis-account-requests";

/// The name of the door in traces, and as the server that asks in decisions.
const DOOR: &str = "account-requests";

/// The options of the door itself.
#[derive(Clone, Debug)]
pub(super) struct DoorOptions {
    /// Subject of the requests.
    pub(super) subject: String,
    /// Time in which a request is decided.
    pub(super) deadline: Duration,
    /// Maximum number of requests in progress.
    pub(super) max_in_flight: usize,
}

/// The front door.
pub(super) struct Door<A> {
    authority: Arc<Authority<A>>,
    requests: Arc<AccountRequests>,
    options: DoorOptions,
    /// One permit for each request that may be in progress. The queue of the authority is larger,
    /// and is also the callout's.
    room: Arc<Semaphore>,
    /// The door itself, in the place of the server that asks.
    server: Server,
    counters: Arc<Counters>,
    /// The number of requests that were decided, for `client.id`.
    decided: AtomicU64,
}

impl<A: Authorizer> Door<A> {
    pub(super) fn new(
        authority: Arc<Authority<A>>,
        requests: Arc<AccountRequests>,
        options: DoorOptions,
    ) -> Self {
        let mut id = [0; PublicKey::LEN];
        SystemRandomness.fill(&mut id);
        Self {
            authority,
            requests,
            room: Arc::new(Semaphore::new(options.max_in_flight)),
            options,
            server: Server {
                name: DOOR.to_owned(),
                ..Server::new(PublicKey::from_bytes(KeyKind::Server, id))
            },
            counters: Arc::default(),
            decided: AtomicU64::new(0),
        }
    }

    pub(super) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Answers requests over `nats`, in parallel. Ends when the connection is closed for good.
    ///
    /// # Errors
    ///
    /// Fails if the subscription is not made.
    pub(super) async fn answer_all<N: Nats>(
        self: Arc<Self>,
        nats: N,
    ) -> Result<(), SubscribeError> {
        self.requests.connected(nats.clone());
        let subject = self.options.subject.clone();
        let subscribed = nats.queue_subscribe(subject.into(), GROUP.to_owned());
        let mut messages = subscribed.await?;
        info!(
            subject = self.options.subject,
            "accounts may ask to be signed"
        );
        let mut answers = JoinSet::new();
        while let Some(message) = messages.next().await {
            while answers.try_join_next().is_some() {}
            self.counters.received();
            let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
                self.refuse(
                    "overloaded",
                    "too many requests of accounts are in progress",
                );
                reply(&nats, &message, NOT_DECIDED).await;
                continue;
            };
            let (door, nats) = (Arc::clone(&self), nats.clone());
            answers.spawn(async move {
                let _place = place;
                door.answer(&nats, &message).await;
            });
        }
        Ok(())
    }

    async fn answer<N: Nats>(&self, nats: &N, message: &Message) {
        let arrived = SystemClock.now();
        let (payload, now) = (message.payload.clone(), SystemClock.unix_seconds());
        // Validating the claims of strangers takes longer than a thread of the runtime may.
        let read = spawn_blocking(move || AskedAccount::read(&payload, now)).await;
        let asked = match read {
            Ok(Ok(asked)) => asked,
            Ok(Err(error)) => {
                self.refuse(error.reason(), &with_causes(&error));
                return reply(nats, message, DENIED).await;
            }
            Err(error) => {
                self.refuse("unreadable", &with_causes(&error));
                return reply(nats, message, DENIED).await;
            }
        };
        if let Err(error) = self.requests.check(&asked).await {
            let answer = answer_to(class_of(&error));
            info!(account = %asked.account(), error = with_causes(&error), "account not signed");
            return reply(nats, message, answer).await;
        }
        let mut place = match self.authority.enter(self.options.deadline) {
            Ok(place) => place,
            Err(error) => {
                self.refuse("overloaded", &error.to_string());
                return reply(nats, message, NOT_DECIDED).await;
            }
        };
        let id = self.decided.fetch_add(1, Ordering::Relaxed);
        let mut request = Arc::new(request_of(&asked, &self.server, id));
        let considering = self.consider(&asked, &mut request, arrived, &mut place);
        let (considered, signed) = considering.await;
        let answer = match (&considered.decision.outcome, &signed) {
            (_, Some(jwt)) => jwt.token.as_str(),
            (Outcome::Deny(denial), None) => answer_to(denial.class),
            // `sign` returns an account for every permit that it leaves.
            (Outcome::Permit(_), None) => NOT_DECIDED,
        };
        reply(nats, message, answer).await;
        self.record(&request, &considered, arrived).await;
        if let Some(jwt) = signed {
            self.announce(&jwt).await;
        }
    }

    /// Decides the request, and signs the account of a permit.
    async fn consider(
        &self,
        asked: &AskedAccount,
        request: &mut Arc<AuthorizationRequest>,
        arrived: Instant,
        place: &mut Place,
    ) -> (Considered, Option<AccountJwt>) {
        let deadline = arrived + self.options.deadline;
        let attempt = match self.authority.admit(request, deadline, place).await {
            Ok(attempt) => attempt,
            Err(considered) => return (considered, None),
        };
        let deciding = self.authority.decide_admitted(&attempt, request, deadline);
        let mut decision = deciding.await;
        let signed = self.sign(asked, &mut decision).await;
        let times = attempt.conclude(request, &decision);
        if signed.is_some() {
            times.end(Stage::Seal, &SystemClock);
        }
        let considered = Considered {
            decision,
            is_reported: true,
            times,
        };
        (considered, signed)
    }

    /// Signs the account of a permit. Without a signature, the decision becomes a denial.
    async fn sign(&self, asked: &AskedAccount, decision: &mut Decision) -> Option<AccountJwt> {
        let Outcome::Permit(permit) = &decision.outcome else {
            return None;
        };
        let granted = Granted {
            limits: permit.account_limits().clone(),
            tags: account_tags(permit, decision.policy.as_deref()),
            expires_at: permit.expires_at(),
        };
        match self.requests.sign(asked, granted).await {
            Ok(jwt) => Some(jwt),
            Err(error) => {
                let denial = Denial::new(class_of(&error), with_causes(&error));
                decision.outcome = Outcome::Deny(denial);
                None
            }
        }
    }

    /// Counts a denial, and writes the log line, the record and the trace of a decision.
    async fn record(
        &self,
        request: &AuthorizationRequest,
        considered: &Considered,
        arrived: Instant,
    ) {
        if let Outcome::Deny(denial) = &considered.decision.outcome {
            self.counters.denied(denial.class);
        }
        let answered = Answered {
            door: DOOR,
            received_at: arrived,
            request_id: None,
            parent: None,
            trace_id: None,
            latest: None,
        };
        self.authority
            .conclude_answered(request, considered, answered)
            .await;
    }

    async fn announce(&self, jwt: &AccountJwt) {
        let limits = &jwt.claims.nats.limits;
        info!(
            account = %jwt.account,
            account.name = jwt.claims.name,
            connections = limits.connections,
            subscriptions = limits.subs,
            payload = limits.payload,
            exports = limits.exports,
            imports = limits.imports,
            jetstream.memory = limits.jetstream.memory_storage,
            jetstream.disk = limits.jetstream.disk_storage,
            "account signed on its request"
        );
        if let Err(error) = self.requests.announce(jwt).await {
            warn!(
                account = %jwt.account,
                error = with_causes(&error),
                "servers not told of an account that was signed"
            );
        }
    }

    fn refuse(&self, reason: &'static str, error: &str) {
        self.counters.refused(reason);
        info!(reason, error, "request of an account refused");
    }
}

impl<A> fmt::Debug for Door<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Door")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
