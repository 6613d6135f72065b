//! Announcements of versions, which are repeated until every known server has answered.
//!
//! A server accepts a version that is older than its own. So each attempt reads the stored version,
//! and is repeated at once if another one was stored meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use futures::future::{join_all, pending};
use parking_lot::Mutex;
use portcullis_core::{PublicKey, with_causes};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::announce::{AnnounceError, Announcement, Announcer};
use super::counters::{Announced, Counters};
use super::{Shared, TaskFailed};
use crate::account_jwts::AccountJwt;
use crate::error::StoreError;

/// Maximum number of attempts whose request reached a server.
const MAX_ATTEMPTS: u32 = 10;
/// Maximum delay between two attempts. The delay doubles with each.
const MAX_DELAY: Duration = Duration::from_mins(1);
/// Maximum number of announcements at the same time, of those that are repeated.
const MAX_AT_ONCE: usize = 16;

/// The announcements of a resolver.
#[derive(Debug)]
pub(super) struct Outbox {
    announcer: Arc<dyn Announcer>,
    /// Delay before the second attempt.
    delay: Duration,
    state: Mutex<State>,
    /// Notification that an announcement is due sooner than those before.
    added: Notify,
}

#[derive(Debug, Default)]
struct State {
    pending: BTreeMap<PublicKey, Pending>,
    /// Names of the servers that are expected to answer: those that answered before.
    servers: BTreeSet<String>,
    /// Digest of the last version of each account that the servers were told of. The JWTs of many
    /// accounts would take much memory.
    told: BTreeMap<PublicKey, TokenDigest>,
}

/// SHA-256 of a JWT.
type TokenDigest = [u8; SHA256_OUTPUT_LEN];

/// An account whose version not every server has confirmed.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    /// Number of attempts whose request reached a server.
    attempts: u32,
    /// Number of attempts since the last one that reached a server.
    failures: u32,
    /// Time of the next attempt. `None` during one.
    due: Option<Instant>,
}

/// A reason why servers were not told of a version.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAnnounced {
    #[error(transparent)]
    Announce(#[from] AnnounceError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Task(#[from] TaskFailed),
}

impl Shared {
    /// Tells the servers of the stored version of `account`, and returns their answers. The
    /// announcement is repeated if a server does not answer. `None` without a way to tell servers.
    ///
    /// The attempt goes on if the caller does not wait for it.
    pub(super) async fn tell(
        self: &Arc<Self>,
        account: PublicKey,
    ) -> Option<Result<Announcement, NotAnnounced>> {
        self.outbox.as_ref()?;
        let shared = Arc::clone(self);
        let told = tokio::spawn(async move {
            let outbox = shared.outbox.as_ref()?;
            outbox.state.lock().pending.remove(&account);
            Some(outbox.attempt(&shared, &account).await)
        });
        told.await
            .unwrap_or_else(|error| Some(Err(TaskFailed::from(error).into())))
    }
}

impl Outbox {
    pub(super) fn new(announcer: Arc<dyn Announcer>, delay: Duration) -> Self {
        Self {
            announcer,
            delay,
            state: Mutex::default(),
            added: Notify::new(),
        }
    }

    /// Records that the servers have the version `jwt` from another program.
    pub(super) fn record(&self, jwt: &AccountJwt) {
        let mut state = self.state.lock();
        state.told.insert(jwt.account.clone(), digest_of(jwt));
    }

    /// Has the stored version of `account` announced, unless it is the last one that the servers
    /// were told of.
    pub(super) fn add(&self, jwt: &AccountJwt) {
        let mut state = self.state.lock();
        if state.told.get(&jwt.account) != Some(&digest_of(jwt)) {
            let due = Some(Instant::now());
            let pending = Pending {
                due,
                ..Pending::default()
            };
            state.pending.insert(jwt.account.clone(), pending);
            self.added.notify_one();
        }
    }

    /// Forgets an account that the store no longer has.
    pub(super) fn forget(&self, account: &PublicKey) {
        let mut state = self.state.lock();
        state.pending.remove(account);
        state.told.remove(account);
    }

    /// Returns the number of accounts whose version not every server has confirmed.
    pub(super) fn pending(&self) -> usize {
        self.state.lock().pending.len()
    }

    /// Repeats announcements when they are due. Never returns.
    pub(super) async fn run(&self, shared: &Arc<Shared>) {
        loop {
            let due = self.next_due();
            let is_due = async {
                match due {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = is_due => {}
                () = self.added.notified() => continue,
            }
            let accounts = self.take_due();
            let attempts = accounts.iter().map(async |account| {
                // The attempt logs its failure.
                let _ = self.attempt(shared, account).await;
            });
            join_all(attempts).await;
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let state = self.state.lock();
        state.pending.values().filter_map(|it| it.due).min()
    }

    fn take_due(&self) -> Vec<PublicKey> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let due = state.pending.iter_mut();
        let due = due.filter(|(_, pending)| pending.due.is_some_and(|due| due <= now));
        let taken = due.take(MAX_AT_ONCE).map(|(account, pending)| {
            pending.due = None;
            account.clone()
        });
        taken.collect()
    }

    /// Announces the stored version of `account`, and again while another one is stored meanwhile.
    async fn attempt(
        &self,
        shared: &Arc<Shared>,
        account: &PublicKey,
    ) -> Result<Announcement, NotAnnounced> {
        let mut stored = self.stored(shared, account).await?;
        loop {
            let Some(jwt) = stored else {
                self.forget(account);
                return Ok(Announcement::default());
            };
            self.record(&jwt);
            let announced = self.announcer.announce(&jwt).await;
            self.finish(account, &announced, &shared.counters);
            stored = self.stored(shared, account).await?;
            if stored.as_ref().is_some_and(|now| now.token == jwt.token) {
                return Ok(announced?);
            }
        }
    }

    async fn stored(
        &self,
        shared: &Arc<Shared>,
        account: &PublicKey,
    ) -> Result<Option<AccountJwt>, NotAnnounced> {
        let wanted = account.clone();
        let read = shared.in_room(&shared.lookups, move |shared| shared.look_up(&wanted));
        let read = async { Ok(read.await??) };
        let read: Result<_, NotAnnounced> = read.await;
        if read.is_err() {
            self.state.lock().pending.remove(account);
        }
        read
    }

    /// Records the end of an attempt, and when the next one is due.
    fn finish(
        &self,
        account: &PublicKey,
        announced: &Result<Announcement, AnnounceError>,
        counters: &Counters,
    ) {
        let mut state = self.state.lock();
        let state = &mut *state;
        let mut pending = state.pending.remove(account).unwrap_or_default();
        let answered = match announced {
            Ok(announcement) => announcement.servers(),
            Err(error) => {
                // The number of such attempts is not limited: no server was reached.
                counters.announced(Announced::Failed);
                let error = with_causes(error);
                tracing::warn!(%account, error, "servers not told of an account");
                let delay = self.delay_after(pending.failures);
                pending.failures = pending.failures.saturating_add(1);
                return self.again(state, account, pending, delay);
            }
        };
        let silent: Vec<_> = state.servers.difference(&answered).cloned().collect();
        let is_complete = silent.is_empty() && !answered.is_empty();
        pending.attempts = pending.attempts.saturating_add(1);
        state.servers.extend(answered);
        if is_complete {
            counters.announced(Announced::Answered);
        } else if pending.attempts < MAX_ATTEMPTS {
            counters.announced(Announced::Incomplete);
            let delay = self.delay_after(pending.attempts.saturating_sub(1));
            pending.failures = 0;
            self.again(state, account, pending, delay);
        } else {
            counters.announced(Announced::GaveUp);
            // Those servers were stopped, or have another name.
            for server in &silent {
                state.servers.remove(server);
            }
            let silent = silent.join(", ");
            tracing::warn!(%account, servers = silent, "servers did not confirm an account");
        }
    }

    /// Returns the delay before the next attempt. It doubles with each of those before.
    fn delay_after(&self, attempts: u32) -> Duration {
        self.delay.saturating_mul(1 << attempts.min(16))
    }

    fn again(&self, state: &mut State, account: &PublicKey, pending: Pending, delay: Duration) {
        let due = Instant::now().checked_add(delay.min(MAX_DELAY));
        let pending = Pending { due, ..pending };
        state.pending.insert(account.clone(), pending);
        self.added.notify_one();
    }
}

fn digest_of(jwt: &AccountJwt) -> TokenDigest {
    let mut bytes = TokenDigest::default();
    let digest = digest(&SHA256, jwt.token.as_bytes());
    for (byte, from) in bytes.iter_mut().zip(digest.as_ref()) {
        *byte = *from;
    }
    bytes
}
