//! Tests of the service without a server: requests and replies over a connection in memory.

use std::time::{Duration, Instant};

use futures::{FutureExt as _, StreamExt as _};
use nats_token::KeyPair;
use portcullis_authority::{LoginRules, PermitRules};
use portcullis_claims::{ResponseClaims, UserClaims};
use portcullis_connect::{MemoryNats, MemorySubscription, Message, USER_INFO};
use portcullis_core::{AuthorizationRequest, Decision, DenialClass, Permit, SampleValue};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::fixtures::{options, permit, request_token};
use crate::service_rules::RulesUpdate;
use crate::subjects::AUTH_REQUESTS;

/// The time after which an event counts as lost: far longer than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The answer of a server that sends the logins of its users to services in account `AUTH`.
const INFO: &str =
    r#"{"data":{"account":"AUTH","permissions":{"publish":{"deny":["$SYS.REQ.USER.AUTH"]}}}}"#;

/// Permits alice, and denies all other users.
struct OnlyAlice;

impl Authorizer for OnlyAlice {
    async fn authorize(&self, request: Arc<AuthorizationRequest>, _: Instant) -> Decision {
        if request.credentials.username.as_deref() == Some("alice") {
            let builder = Permit::builder("APP", request.received_at);
            permit(builder.finish().unwrap())
        } else {
            Decision::deny(DenialClass::PolicyDenied, "only alice")
        }
    }
}

/// A server with a service that is ready, in one thread.
struct Stage<A> {
    nats: MemoryNats,
    server: KeyPair,
    /// The issuer that the service answers for.
    issuer: String,
    replies: MemorySubscription,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ServiceError>>,
    counters: Arc<Counters>,
    rules: ServiceRules<A>,
}

impl Stage<OnlyAlice> {
    async fn new() -> Self {
        Self::of(OnlyAlice).await
    }
}

impl<A: Authorizer> Stage<A> {
    async fn of(authorizer: A) -> Self {
        let nats = MemoryNats::default();
        tell_users_who_they_are(&nats).await;
        let replies = nats.subscribe("$SYS._INBOX.>".into()).await.unwrap();
        let options = options();
        let issuer = options.keys.main().request_subject().to_owned();
        let service = Service::new(authorizer, options);
        let (counters, rules) = (service.counters(), service.rules());
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let clients = vec![nats.clone()];
        let served = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            service
                .run(clients, stopped, || ready.send(()).unwrap())
                .await
        });
        within(is_ready).await.unwrap();
        Self {
            nats,
            server: KeyPair::new_server(),
            issuer,
            replies,
            stop,
            served,
            counters,
            rules,
        }
    }

    /// Asks about a login of `user`, and expects the answer on the inbox `inbox` of the server.
    async fn ask(&self, user: &str, inbox: &str) {
        let token = request_token(&self.server, &self.issuer, |request| {
            request.connect_opts.username = user.to_owned();
        });
        let reply = format!("$SYS._INBOX.{inbox}");
        let sent = self
            .nats
            .publish_with_reply(AUTH_REQUESTS.into(), reply.into(), token.into());
        sent.await.unwrap();
    }

    /// Waits for the next reply.
    async fn reply(&mut self) -> Message {
        within(self.replies.next()).await.unwrap()
    }

    /// Stops the service, and waits for its end.
    async fn stop(self) -> MemorySubscription {
        self.stop.send(()).unwrap();
        within(self.served).await.unwrap().unwrap();
        self.replies
    }
}

async fn within<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, event).await.unwrap()
}

/// Answers users who ask who they are, as a server does.
async fn tell_users_who_they_are(nats: &MemoryNats) {
    let mut questions = nats.subscribe(USER_INFO.into()).await.unwrap();
    let nats = nats.clone();
    tokio::spawn(async move {
        while let Some(question) = questions.next().await {
            let reply = question.reply.unwrap();
            nats.publish(reply, INFO.into()).await.unwrap();
        }
    });
}

fn opened(reply: &Message) -> ResponseClaims {
    ResponseClaims::decode(std::str::from_utf8(&reply.payload).unwrap()).unwrap()
}

#[tokio::test]
async fn a_request_is_answered_without_a_server() {
    let mut stage = Stage::new().await;
    stage.ask("alice", "a.1").await;
    let reply = stage.reply().await;
    assert_eq!(reply.subject.as_str(), "$SYS._INBOX.a.1");
    let response = opened(&reply);
    let server = stage.server.public_key();
    assert_eq!(response.audience.as_deref(), Some(server.as_str()));
    assert_eq!(response.issuer.as_deref(), Some(stage.issuer.as_str()));
    let user = UserClaims::decode(response.nats.jwt().unwrap()).unwrap();
    assert_eq!(user.audience.as_deref(), Some("APP"));

    stage.ask("mallory", "a.2").await;
    let reply = stage.reply().await;
    assert_eq!(reply.subject.as_str(), "$SYS._INBOX.a.2");
    let response = opened(&reply);
    assert_eq!(response.nats.jwt(), None);
    assert_eq!(response.nats.error(), Some("policy-denied: only alice"));
    stage.stop().await;
}

#[tokio::test]
async fn requests_that_have_arrived_are_answered_once_before_the_service_stops() {
    const NUMBER: usize = 40;
    let stage = Stage::new().await;
    for number in 0..NUMBER {
        stage.ask("alice", &format!("a.{number}")).await;
    }
    let counters = Arc::clone(&stage.counters);
    let replies = stage.stop().await;
    let mut inboxes: Vec<_> = replies
        .ready_chunks(NUMBER * 2)
        .next()
        .await
        .unwrap()
        .into_iter()
        .map(|reply| reply.subject.to_string())
        .collect();
    inboxes.sort();
    let mut expected: Vec<_> = (0..NUMBER)
        .map(|it| format!("$SYS._INBOX.a.{it}"))
        .collect();
    expected.sort();
    assert_eq!(inboxes, expected);
    assert_eq!(counters.requests(), 40);
}

#[tokio::test]
async fn a_message_that_no_server_sent_has_no_reply() {
    let stage = Stage::new().await;
    let mut inbox = stage.nats.subscribe("_INBOX.mallory".into()).await.unwrap();
    let token = request_token(&stage.server, &stage.issuer, |_| {});
    let asked =
        stage
            .nats
            .publish_with_reply(AUTH_REQUESTS.into(), "_INBOX.mallory".into(), token.into());
    asked.await.unwrap();
    let counters = Arc::clone(&stage.counters);
    // The service handles all requests that have arrived before it stops.
    stage.stop().await;
    assert_eq!(counters.errors(), 1, "the request is refused");
    assert!(inbox.next().now_or_never().is_none());
}

/// Permits every login, once the test lets it.
struct Waits(Arc<tokio::sync::Semaphore>);

impl Authorizer for Waits {
    async fn authorize(&self, request: Arc<AuthorizationRequest>, _: Instant) -> Decision {
        self.0.acquire().await.unwrap().forget();
        let builder = Permit::builder("APP", request.received_at);
        permit(builder.finish().unwrap())
    }
}

#[tokio::test]
async fn a_login_in_progress_keeps_the_rules_that_it_began_with() {
    let go = Arc::new(tokio::sync::Semaphore::new(0));
    let mut stage = Stage::of(Waits(Arc::clone(&go))).await;
    stage.ask("alice", "a.1").await;
    // The permits of `go` are given one by one, so the first login waits for the first of them.
    let counters = Arc::clone(&stage.counters);
    let in_flight = || {
        let samples = counters.samples();
        let found = samples
            .into_iter()
            .find(|it| it.name == "requests_in_flight");
        found.map(|sample| sample.value)
    };
    while in_flight() != Some(SampleValue::Gauge(1.0)) {
        tokio::task::yield_now().await;
    }
    let update = options();
    let permits = Arc::new(PermitRules::default());
    let rules = &stage.rules;
    rules.replace(RulesUpdate {
        keys: rules.keys(),
        open: update.open,
        deny: update.deny,
        times: update.times,
        login: Arc::new(LoginRules {
            identifier: Arc::clone(&rules.login().identifier),
            permits,
        }),
        throttle: update.authority.throttle,
    });
    go.add_permits(1);
    let first = opened(&stage.reply().await);
    assert!(first.nats.jwt().is_some(), "{:?}", first.nats.error());
    stage.ask("alice", "a.2").await;
    go.add_permits(1);
    let error = opened(&stage.reply().await).nats.error().map(str::to_owned);
    let error = error.unwrap();
    assert!(error.starts_with("account-not-allowed"), "{error}");
    stage.stop().await;
}
