//! The state of the exchange, and the path from what a caller asks for to a user JWT or a refusal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use axum::body::Bytes;
use portcullis_authority::{
    Answered, Authority, Considered, Issuers, Place, Stage, bearer_credentials,
};
use portcullis_core::{
    AuthorizationRequest, Authorizer, Client, ClientKind, Credentials, Decision, Denial,
    DenialClass, Identity, Outcome, Secret, Server, WantedAccount, with_causes,
};
use portcullis_environment::{Clock, SystemRandomness};
use tokio::sync::Semaphore;

use crate::answer::Issued;
use crate::body::Ask;
use crate::context::RequestContext;
use crate::counters::Counters;
use crate::nonces::{BadNonce, Nonce, Nonces};
use crate::options::{ExchangeOptions, ProofRoute};
use crate::problem::{Problem, Refusal};
use crate::refusal_log::RefusalLog;

/// The state that all requests share.
pub(crate) struct Shared<A, C> {
    pub(crate) authority: Arc<Authority<A, C>>,
    /// The keys that sign user JWTs, replaced while the host runs.
    pub(crate) issuers: ArcSwap<Issuers>,
    pub(crate) options: ExchangeOptions,
    pub(crate) nonces: Nonces,
    pub(crate) counters: Arc<Counters>,
    pub(crate) refusals: RefusalLog,
    /// The description of the routes, as JSON.
    pub(crate) description: Bytes,
    /// One permit for each request that may be in progress. The queue of the authority is larger,
    /// and is also the callout's: strangers who call the exchange must not fill it.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) clock: C,
    pub(crate) randomness: SystemRandomness,
    /// The exchange itself, in the place of the server that asks.
    pub(crate) server: Server,
    /// The number of requests that were decided, for `client.id`.
    pub(crate) decided: AtomicU64,
}

impl<A: Authorizer, C: Clock + Clone> Shared<A, C> {
    /// Decides what a caller asks for on `route`, and signs the user JWT.
    pub(crate) async fn exchange(
        &self,
        context: &RequestContext,
        bearer: Secret,
        ask: Ask,
        wanted_account: Option<WantedAccount>,
        route: ProofRoute,
    ) -> Result<Issued, Refusal> {
        if ask.proof.is_none() && self.options.require_proof.contains(&route) {
            let error = format!("`{}` demands a proof of the seed", route.as_str());
            return Err(Refusal::new(
                Problem::ProofRequired,
                "proof-required",
                error,
            ));
        }
        let limit = self.options.deadline;
        let place = self.authority.enter(limit);
        let mut place = place
            .map_err(|error| Refusal::new(Problem::Unavailable, "overloaded", error.to_string()))?;
        let mut request = Arc::new(self.request(context, bearer, &ask, wanted_account));
        let deadline = context.at + limit;
        let deciding = self.consider(&mut request, &ask, deadline, &mut place);
        let (considered, issued) = deciding.await;
        let answered = Answered {
            door: "exchange",
            received_at: context.at,
            request_id: Some(&context.id),
            parent: context.parent,
            trace_id: context.trace_id.as_deref(),
            latest: Some(deadline),
        };
        self.authority
            .conclude_answered(&request, &considered, answered)
            .await;
        match (considered.decision.outcome, issued) {
            (Outcome::Permit(_), Some(issued)) => {
                self.counters.issued();
                Ok(issued)
            }
            (Outcome::Deny(denial), _) => {
                self.counters.denied(denial.class);
                Err(Refusal::denied(&denial))
            }
            // `issue` returns a user JWT for every permit that it leaves.
            (Outcome::Permit(_), None) => Err(Refusal::denied(&Denial::new(
                DenialClass::Internal,
                "no user jwt",
            ))),
        }
    }

    /// Decides `request` and signs the user JWT of a permit. A bad proof and a nonce that was used
    /// before are failed attempts, so both steps are within the limits on these.
    async fn consider(
        &self,
        request: &mut Arc<AuthorizationRequest>,
        ask: &Ask,
        deadline: Instant,
        place: &mut Place,
    ) -> (Considered, Option<Issued>) {
        let attempt = match self.authority.admit(request, deadline, place).await {
            Ok(attempt) => attempt,
            Err(considered) => return (considered, None),
        };
        let (decision, issued) = match self.nonce_of(ask, request.received_at) {
            Ok(nonce) => {
                let decision = self
                    .authority
                    .decide_admitted(&attempt, request, deadline)
                    .await;
                self.issue(request, decision, ask, nonce)
            }
            Err(error) => (Decision::deny(error.class(), error.to_string()), None),
        };
        let times = attempt.conclude(request, &decision);
        if issued.is_some() {
            times.end(Stage::Seal, &self.clock);
        }
        let considered = Considered {
            decision,
            is_reported: true,
            times,
        };
        (considered, issued)
    }

    /// Verifies the caller's proof. Returns its nonce, or `None` without a proof.
    fn nonce_of(&self, ask: &Ask, now: u64) -> Result<Option<Nonce>, BadNonce> {
        let Some(proof) = &ask.proof else {
            return Ok(None);
        };
        let nonce = self.nonces.verify(&proof.nonce, now)?;
        if proof.is_by(&ask.nkey) {
            Ok(Some(nonce))
        } else {
            Err(BadNonce::Signature)
        }
    }

    fn request(
        &self,
        context: &RequestContext,
        bearer: Secret,
        ask: &Ask,
        wanted_account: Option<WantedAccount>,
    ) -> AuthorizationRequest {
        let proof = ask.proof.as_ref();
        let credentials = Credentials {
            // If the bearer token is a user JWT of the same nkey, the signature proves it too.
            signature: proof.map(|proof| Secret::new(&*proof.signature)),
            ..bearer_credentials(bearer)
        };
        let address = context.peer.address.ip().to_canonical();
        AuthorizationRequest {
            user_nkey: ask.nkey.clone(),
            server: self.server.clone(),
            client: Client {
                host: Some(address.to_string()),
                id: self.decided.fetch_add(1, Ordering::Relaxed),
                name: ask.name.clone(),
                kind: Some(ClientKind::Exchange),
                nonce: proof.map(|proof| proof.message(&ask.nkey)),
                tls: context.peer.tls.clone(),
                wanted_account,
                ..Client::default()
            },
            identity: Identity::claimed(&credentials),
            credentials,
            received_at: self.clock.unix_seconds(),
        }
    }

    /// Signs the user JWT of a permit. Returns the decision, which is a denial if the host cannot
    /// sign, or if the nonce was used meanwhile.
    fn issue(
        &self,
        request: &AuthorizationRequest,
        mut decision: Decision,
        ask: &Ask,
        nonce: Option<Nonce>,
    ) -> (Decision, Option<Issued>) {
        let issued = match &mut decision.outcome {
            Outcome::Deny(_) => return (decision, None),
            Outcome::Permit(permit) => {
                let now = self.clock.unix_seconds();
                let longest = self.options.max_lifetime;
                let lifetime = ask.lifetime.map_or(longest, |wanted| wanted.min(longest));
                let expires = now.saturating_add(lifetime.as_secs());
                permit.end_by(expires);
                let expires = permit.expires_at().unwrap_or(expires);
                if expires <= now {
                    let reason = "the token or the permit has ended";
                    Err(Denial::new(DenialClass::IdentityRejected, reason))
                } else {
                    let policy = decision.policy.as_deref();
                    let issuers = self.issuers.load();
                    let user = issuers.user_for_exchange(request, permit, policy, now);
                    user.map_err(|error| Denial::new(error.class(), with_causes(&error)))
                        .and_then(|user| {
                            self.spend(nonce, now)?;
                            Ok(Issued {
                                jwt: user.jwt,
                                account: user.account.unwrap_or_default(),
                                expires,
                                permit: permit.clone(),
                            })
                        })
                }
            }
        };
        match issued {
            Ok(issued) => (decision, Some(issued)),
            Err(denial) => {
                decision.outcome = Outcome::Deny(denial);
                (decision, None)
            }
        }
    }

    /// Uses the nonce of a permitted request. Only such requests fill the memory of used nonces.
    fn spend(&self, nonce: Option<Nonce>, now: u64) -> Result<(), Denial> {
        let spent = nonce.map_or(Ok(()), |nonce| self.nonces.spend(nonce, now));
        spent.map_err(|error| Denial::new(error.class(), error.to_string()))
    }
}
