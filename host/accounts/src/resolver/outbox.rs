//! Announcements of versions, which are repeated until every known server has answered.
//!
//! A server accepts a version that is older than its own. So each attempt reads the stored version,
//! and is repeated at once if another one was stored meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use futures::future::pending;
use parking_lot::Mutex;
use portcullis_core::{PublicKey, with_causes};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::announce::{AnnounceError, Announcement, Announcer, NotConnected};
use super::counters::{Announced, Counters};
use super::task::TaskFailed;
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

    /// Waits until an announcement is due, and returns the accounts whose announcements are. The
    /// list is empty if one is due sooner now than before.
    pub(super) async fn next(&self) -> Vec<PublicKey> {
        let due = self.next_due();
        let is_due = async {
            match due {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = is_due => self.take_due(),
            () = self.added.notified() => Vec::new(),
        }
    }

    /// Drops the announcement of `account` that waits, because another attempt takes its place.
    pub(super) fn drop_pending(&self, account: &PublicKey) {
        self.state.lock().pending.remove(account);
    }

    /// Tells the servers of a version, once.
    pub(super) async fn announce(&self, jwt: &AccountJwt) -> Result<Announcement, AnnounceError> {
        self.announcer.announce(jwt).await
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

    /// Records the end of an attempt, and when the next one is due.
    pub(super) fn finish(
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
                // The connection has a log line of its own while it is not made.
                let is_connected = !error.0.is::<NotConnected>();
                let error = with_causes(error);
                if is_connected {
                    tracing::warn!(%account, error, "servers not told of an account");
                } else {
                    tracing::debug!(%account, error, "servers not told of an account");
                }
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
