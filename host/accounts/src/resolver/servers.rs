//! The resolver over NATS: answers requests of servers and tools, and tells servers of versions.
//!
//! The subjects and the form of the answers are those of a server with `resolver: {type: full}`.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::{BoxFuture, join, select};
use futures::stream::select_all;
use futures::{FutureExt as _, StreamExt as _};
use portcullis_connect::{Message, Nats, Subject, SubscribeError};
use portcullis_core::{PublicKey, with_causes};
use portcullis_system::{
    ClaimStatus, Gathering, Refusal, ReplyError, ServerInfo, SystemClient, SystemError,
    claim_subjects,
};
use serde::Serialize;

use super::accept::{Accepted, NotAccepted};
use super::announce::{AnnounceError, Announcement, Announcer, NotConnected};
use super::counters::{LookedUp, Wrote};
use super::lookup::account;
use super::others::OtherResolvers;
use super::{Resolver, own_account};
use crate::account_jwts::{AccountJwt, Written};

/// Subjects of requests about one account, with any account.
const LOOK_UP: &str = "$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP";
const UPDATE: &str = "$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE";
/// Subject of an update as servers before 2.2 know it.
const OLD_UPDATE: &str = "$SYS.ACCOUNT.*.CLAIMS.UPDATE";
/// Queue group in which servers answer requests for packs.
const PACK_GROUP: &str = "responder";
/// Maximum number of requests that are answered at the same time.
const MAX_REQUESTS: usize = 64;
/// Time after the last answer in which another server may answer an announcement, and time limit
/// for all of them. A request over HTTP waits for both.
const QUIET: Duration = Duration::from_millis(300);
const TOTAL: Duration = Duration::from_secs(3);
/// Time limit for the answers of other resolvers to a lookup. A server waits 1.9 s for this one.
const LOOK_UP_TOTAL: Duration = Duration::from_secs(1);

/// The servers of a system, over a connection whose user is in the system account.
///
/// The connection should have no echo: the resolver would otherwise receive its own announcements.
#[derive(Debug, Default)]
pub struct Servers<N> {
    client: OnceLock<SystemClient<N>>,
    nats: OnceLock<N>,
}

/// An answer of the resolver.
#[derive(Debug, Serialize)]
struct Envelope<'a, T> {
    server: &'a ServerInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Refusal>,
}

/// The part of the resolver that answers over one connection.
#[derive(Debug)]
struct Responder<N> {
    resolver: Resolver,
    nats: N,
    server: ServerInfo,
    /// Number of answers that name the resolver.
    answers: AtomicU64,
}

impl<N: Nats> Servers<N> {
    /// Returns servers without a connection yet. Announcements fail until then.
    pub const fn new() -> Self {
        Self {
            client: OnceLock::new(),
            nats: OnceLock::new(),
        }
    }

    /// Returns the connection. `None` before it is made.
    pub(super) fn nats(&self) -> Option<&N> {
        self.nats.get()
    }

    /// Announces, and asks other resolvers, over `nats`. A connection that is made again keeps the
    /// client, so only the first call has an effect.
    pub(super) fn connect(&self, nats: &N) {
        let _ = self.client.set(SystemClient::new(nats.clone()));
        let _ = self.nats.set(nats.clone());
    }

    /// Answers requests over `nats` as `server`, announces over it, and fetches the versions of
    /// other resolvers. Returns when the connection is closed for good.
    ///
    /// # Errors
    ///
    /// Fails if a subscription is not made.
    pub async fn answer(
        &self,
        resolver: Resolver,
        nats: N,
        server: ServerInfo,
    ) -> Result<(), SubscribeError> {
        let mut requests = Vec::new();
        for subject in [
            LOOK_UP,
            UPDATE,
            OLD_UPDATE,
            claim_subjects::UPDATE,
            claim_subjects::LIST,
            claim_subjects::DELETE,
        ] {
            requests.push(nats.subscribe(Subject::from_static(subject)).await?);
        }
        let packs = Subject::from_static(claim_subjects::PACK);
        let packs = nats.queue_subscribe(packs, PACK_GROUP.to_owned());
        requests.push(packs.await?);
        self.connect(&nats);
        tracing::info!("accounts served over nats");
        let system = SystemClient::new(nats.clone());
        let shared = Arc::clone(&resolver.shared);
        let checked = own_account::check(&system, &shared);
        let responder = &Responder {
            resolver,
            nats,
            server,
            answers: AtomicU64::new(0),
        };
        let answered = select_all(requests)
            .for_each_concurrent(MAX_REQUESTS, |message| responder.answer(message));
        // Both end with the connection.
        let own = join(checked, shared.synchronise(&system));
        select(pin!(answered), pin!(own)).await;
        Ok(())
    }
}

impl<N: Nats> Announcer for Servers<N> {
    fn announce<'a>(
        &'a self,
        jwt: &'a AccountJwt,
    ) -> BoxFuture<'a, Result<Announcement, AnnounceError>> {
        async move {
            let Some(client) = self.client.get() else {
                return Err(AnnounceError(NotConnected.into()));
            };
            let account = jwt.account.as_str().parse();
            let account = account.map_err(|error| AnnounceError(Box::new(error)))?;
            let gathering = Gathering::until_quiet(QUIET, TOTAL);
            let gathered = client.update_account(&account, &jwt.token, gathering).await;
            let gathered = gathered.map_err(|error| AnnounceError(error.into()))?;
            let answers = gathered.replies.into_iter().map(|reply| {
                let answer = match reply.result {
                    Ok(ClaimStatus { message, .. }) => message,
                    Err(ReplyError::Refused(refusal)) => refusal.description,
                    Err(error) => with_causes(&error),
                };
                (reply.server.name, answer)
            });
            Ok(Announcement {
                answers: answers.collect(),
            })
        }
        .boxed()
    }
}

impl<N: Nats> OtherResolvers for Servers<N> {
    fn look_up<'a>(&'a self, account: &'a PublicKey) -> BoxFuture<'a, Vec<String>> {
        async move {
            let (Some(client), Ok(account)) = (self.client.get(), account.as_str().parse()) else {
                return Vec::new();
            };
            let gathering = Gathering::until_quiet(QUIET, LOOK_UP_TOTAL);
            match client.look_up_all_claims(&account, gathering).await {
                Ok(found) => found,
                Err(SystemError::NoResponders { .. }) => Vec::new(),
                Err(error) => {
                    let error = with_causes(&error);
                    tracing::debug!(%account, error, "other resolvers not asked");
                    Vec::new()
                }
            }
        }
        .boxed()
    }
}

impl<N: Nats> Responder<N> {
    /// Answers one request.
    async fn answer(&self, message: Message) {
        let subject = message.subject.as_str();
        let tokens: Vec<&str> = subject.split('.').collect();
        match tokens.as_slice() {
            ["$SYS", "REQ", "ACCOUNT", key, "CLAIMS", "LOOKUP"] => {
                self.look_up(key, &message).await;
            }
            ["$SYS", "REQ", "ACCOUNT", key, "CLAIMS", "UPDATE"]
            | ["$SYS", "ACCOUNT", key, "CLAIMS", "UPDATE"] => {
                self.update(Some(key), &message).await;
            }
            ["$SYS", "REQ", "CLAIMS", "UPDATE"] => self.update(None, &message).await,
            ["$SYS", "REQ", "CLAIMS", "LIST"] => self.list(&message).await,
            ["$SYS", "REQ", "CLAIMS", "DELETE"] => self.delete(&message).await,
            ["$SYS", "REQ", "CLAIMS", "PACK"] => self.pack(&message).await,
            _ => {}
        }
    }

    /// Sends the JWT of an account. Says nothing of an unknown one: servers count an empty answer
    /// as that of another server, and would stop to wait for one that has the JWT.
    async fn look_up(&self, key: &str, message: &Message) {
        let Some(account) = account(key) else { return };
        let shared = &self.resolver.shared;
        let found = shared.in_room(&shared.lookups, move |shared| shared.look_up(&account));
        let outcome = match found.await {
            Ok(Ok(Some(jwt))) => {
                self.send(message, jwt.token.into_bytes()).await;
                LookedUp::Found
            }
            Ok(Ok(None)) => LookedUp::Unknown,
            Ok(Err(_)) | Err(_) => LookedUp::Failed,
        };
        shared.counters.looked_up(outcome);
    }

    /// Stores a version of an account. `key` is the account in the subject.
    async fn update(&self, key: Option<&str>, message: &Message) {
        let shared = &self.resolver.shared;
        let expected = match key.map(account) {
            Some(None) => {
                shared.counters.wrote(Wrote::Refused);
                let problem = "jwt update resulted in error - the subject names no account (A…)";
                return self.refuse(message, "n/a", problem.to_owned()).await;
            }
            Some(Some(expected)) => Some(expected),
            None => None,
        };
        let name = expected
            .as_ref()
            .map_or("n/a", PublicKey::as_str)
            .to_owned();
        let Ok(token) = String::from_utf8(message.payload.to_vec()) else {
            shared.counters.wrote(Wrote::Refused);
            let problem = "jwt update resulted in error - not text".to_owned();
            return self.refuse(message, &name, problem).await;
        };
        match shared.accept(token, expected).await {
            Ok(Ok(Accepted { jwt, written })) => {
                let account = jwt.account.to_string();
                self.agree(message, account, "jwt updated".to_owned()).await;
                // Servers that do not store JWTs take the subject of the account alone.
                if key.is_none() && written != Written::Unchanged {
                    // The attempt logs its failure.
                    let _ = shared.tell(jwt.account).await;
                } else if key.is_some()
                    && let Some(outbox) = &shared.outbox
                {
                    outbox.record(&jwt);
                }
            }
            Ok(Err(error)) => {
                let what = match error {
                    NotAccepted::Invalid(_) => "jwt validation failed",
                    _ => "jwt update resulted in error",
                };
                let problem = format!("{what} - {}", with_causes(&error));
                self.refuse(message, &name, problem).await;
            }
            Err(error) => self.refuse(message, &name, error.to_string()).await,
        }
    }

    async fn list(&self, message: &Message) {
        let shared = &self.resolver.shared;
        let listed = shared.in_room(&shared.packs, |shared| shared.store.accounts().accounts());
        if let Ok(Ok(accounts)) = listed.await {
            let accounts: Vec<_> = accounts.iter().map(PublicKey::as_str).collect();
            self.envelope(message, Some(accounts), None).await;
        }
    }

    /// Deletes the accounts that the operator lists in a JWT of its own.
    async fn delete(&self, message: &Message) {
        let token = String::from_utf8(message.payload.to_vec()).unwrap_or_default();
        let shared = &self.resolver.shared;
        let deleted = shared.in_room(&shared.writes, move |shared| shared.delete(&token));
        let problem = match deleted.await {
            Ok(Ok(count)) => {
                let text = format!("deleted {count} accounts");
                return self.agree(message, String::new(), text).await;
            }
            Ok(Err(error)) => with_causes(&error),
            Err(error) => with_causes(&error),
        };
        let problem = format!("delete accounts request failed - {problem}");
        self.refuse(message, "", problem).await;
    }

    /// Sends one message for each account, then an empty one. Sends only that if the hash in the
    /// request is that of the store.
    async fn pack(&self, message: &Message) {
        let shared = &self.resolver.shared;
        let known = message.payload.clone();
        let packed = shared.in_room(&shared.packs, move |shared| {
            if shared.pack_hash()? == known.as_ref() {
                return Ok(Vec::new());
            }
            shared.pack(usize::MAX)
        });
        let Ok(Ok(lines)) = packed.await else { return };
        for line in lines {
            self.send(message, line.into_bytes()).await;
        }
        self.send(message, Vec::new()).await;
    }

    async fn agree(&self, message: &Message, account: String, text: String) {
        let status = ClaimStatus {
            account,
            code: 200,
            message: text,
        };
        self.envelope(message, Some(status), None).await;
    }

    async fn refuse(&self, message: &Message, account: &str, description: String) {
        let refusal = Refusal {
            code: 500,
            description,
            account: (!account.is_empty()).then(|| account.to_owned()),
        };
        self.envelope(message, None::<()>, Some(refusal)).await;
    }

    async fn envelope<T: Serialize>(
        &self,
        message: &Message,
        data: Option<T>,
        error: Option<Refusal>,
    ) {
        // Go programs such as nsc read no answer whose time is none.
        let time = self.resolver.shared.clock.wall();
        let server = ServerInfo {
            time: humantime::format_rfc3339_nanos(time).to_string(),
            sequence: self
                .answers
                .fetch_add(1, Ordering::Relaxed)
                .saturating_add(1),
            ..self.server.clone()
        };
        let envelope = Envelope {
            server: &server,
            data,
            error,
        };
        if let Ok(body) = serde_json::to_vec(&envelope) {
            self.send(message, body).await;
        }
    }

    async fn send(&self, message: &Message, body: Vec<u8>) {
        let Some(reply) = message.reply.clone() else {
            return;
        };
        if let Err(error) = self.nats.publish(reply, body.into()).await {
            tracing::debug!(%error, "answer not sent");
        }
    }
}
