//! One request, from the message to the reply and the log line.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use portcullis_core::{
    AuthorizationRequest, Authorizer, Blame, Decision, DenialClass, Outcome, PolicyName,
};
use tokio::sync::Semaphore;

use crate::decide::decide;
use crate::open::{budget, open};
use crate::reply::ReplyToken;
use crate::seal::seal;
use crate::service::{SUBJECT, ServiceOptions};

/// A message that came in, stamped. The payload has passwords and tokens in it.
pub(crate) struct Received {
    pub(crate) payload: Bytes,
    pub(crate) reply: ReplyToken,
    pub(crate) at: Instant,
}

/// What every request needs.
#[derive(Debug)]
pub(crate) struct Handler<A> {
    pub(crate) authorizer: A,
    pub(crate) options: ServiceOptions,
    /// One permit for each decision that may run at the same time.
    pub(crate) slots: Semaphore,
}

impl<A: Authorizer> Handler<A> {
    /// Answers one request, exactly once.
    pub(crate) async fn handle(&self, received: Received) {
        let now = unix_now();
        let opened = match open(&received.payload, now, &self.options) {
            Ok(opened) => opened,
            Err(error) => return refuse(received.reply, &chain(&error)).await,
        };
        let deadline = received.at
            + budget(
                opened.issued_at(),
                opened.expires_at(),
                self.options.deadline,
            );
        let request = Arc::new(opened.into_request());
        let decision = self.decide_in_turn(Arc::clone(&request), deadline).await;
        self.answer(&request, decision, received).await;
    }

    async fn decide_in_turn(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Decision {
        match tokio::time::timeout_at(deadline.into(), self.slots.acquire()).await {
            Ok(Ok(_slot)) => decide(&self.authorizer, request, deadline, &self.options).await,
            Ok(Err(_)) => Decision::deny(DenialClass::Internal, "the service is closed"),
            Err(_) => Decision::deny(
                DenialClass::Overloaded,
                "no decision could begin within the request's deadline",
            ),
        }
    }

    async fn answer(&self, request: &AuthorizationRequest, decision: Decision, received: Received) {
        let largest = received.reply.largest();
        let (response, decision) = self.sealed(request, decision, largest);
        let sent = match response {
            Some(response) => received.reply.respond(response).await,
            None => received.reply.refuse().await,
        };
        log_decision(request, &decision, received.at, sent.err().as_ref());
    }

    /// The response, and the decision it carries: a response that cannot be made or would be refused is a deny. No
    /// response at all if even that cannot be made. `largest` is the most bytes the server takes.
    fn sealed(
        &self,
        request: &AuthorizationRequest,
        decision: Decision,
        largest: usize,
    ) -> (Option<String>, Decision) {
        let now = unix_now();
        let issuer = &self.options.issuer;
        match seal(request, &decision, issuer, now, largest) {
            Ok(response) => (Some(response), decision),
            Err(error) => {
                let denial = Decision {
                    policy: decision.policy,
                    abstained: decision.abstained,
                    ..Decision::deny(DenialClass::InvalidResponse, chain(&error))
                };
                (seal(request, &denial, issuer, now, largest).ok(), denial)
            }
        }
    }
}

/// Refuses a request that is not decided: nobody can trust it, or nobody has time for it.
pub(crate) async fn refuse(reply: ReplyToken, error: &str) {
    tracing::warn!(error, subject = SUBJECT, "request refused");
    // Nobody has looked at who asks, and whoever asks has chosen the subject.
    if reply.is_inbox()
        && let Err(error) = reply.refuse().await
    {
        tracing::error!(error = chain(&error), "reply lost");
    }
}

/// An error and its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn unix_now() -> u64 {
    // A clock before 1970 makes every request look valid for ever; zero makes it expired at once.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

fn log_decision(
    request: &AuthorizationRequest,
    decision: &Decision,
    received: Instant,
    lost: Option<&crate::reply::ReplyError>,
) {
    let (permit, denial) = match &decision.outcome {
        Outcome::Permit(permit) => (Some(permit), None),
        Outcome::Deny(denial) => (None, Some(denial)),
    };
    let policy = decision.policy.as_ref();
    let abstained: Vec<_> = decision.abstained.iter().map(PolicyName::as_str).collect();
    let abstained = (!abstained.is_empty()).then(|| abstained.join(","));
    tracing::info!(
        decision = if permit.is_some() { "permit" } else { "deny" },
        denial.class = denial.map(|denial| denial.class.as_str()),
        denial.reason = denial.map(|denial| denial.reason.as_str()),
        denial.blame = denial
            .and_then(|denial| denial.class.blame())
            .map(Blame::as_str),
        policy.name = policy.map(|policy| policy.name.as_str()),
        policy.digest = policy.map(|policy| policy.digest.to_string()),
        policy.generation = policy.map(|policy| policy.generation),
        abstained,
        account = permit.map(|permit| permit.account.as_str()),
        user_name = permit.and_then(|permit| permit.user_name.as_deref()),
        expires_at = permit.and_then(|permit| permit.expires_at),
        client.host = request.client.host.as_deref(),
        client.user = request.client.user.as_deref(),
        client.name = request.client.name.as_deref(),
        client.method = request.credentials.method().as_str(),
        server.name = request.server.name.as_str(),
        server.version = request.server.version.as_deref(),
        elapsed_us = u64::try_from(received.elapsed().as_micros()).unwrap_or(u64::MAX),
        error = lost.map(|error| chain(error)),
        "authorization decided"
    );
}
