//! One issuer: its rules, its current keys, and the fetches of others.

mod single_flight;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use portcullis_core::with_causes;
use portcullis_environment::{Clock, SystemClock};
use portcullis_files::WatchedFile;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout_at};
use tracing::{debug, info, warn};

use self::single_flight::{Fetch, Refresh, SingleFlight};
use super::fetch::{HttpClient, NetworkClient, Source, fetch};
use super::jwks::KeySet;
use super::token::Token;
use super::{IssuerOptions, IssuerStatus, TokenError};

/// Interval of checks of a file, and minimum interval of the timer's fetches.
const TICK: Duration = Duration::from_secs(1);

/// Maximum number of logins that wait for keys at a time. Each of them counts towards the service's
/// limit of logins.
const MAX_WAITING: usize = 1024;

/// An issuer with its keys.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) options: Arc<IssuerOptions>,
    source: Source,
    outside: Outside,
    held: ArcSwap<Held>,
    single_flight: SingleFlight,
    waiting: Semaphore,
    fetches: AtomicU64,
    failures: AtomicU64,
}

/// The world outside of the process, as an issuer reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Outside {
    pub(crate) http: Arc<dyn HttpClient>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The network and the clocks of the operating system.
impl Default for Outside {
    fn default() -> Self {
        Self {
            http: Arc::new(NetworkClient),
            clock: Arc::new(SystemClock),
        }
    }
}

/// The state of the keys. Every fetch replaces it, and only one fetch runs at a time.
#[derive(Clone, Debug, Default)]
struct Held {
    /// Number of successful fetches.
    version: u64,
    keys: Option<Arc<KeySet>>,
    fetched_at: Option<u64>,
    /// Reason why the last fetch failed. `None` if it succeeded.
    error: Option<String>,
}

impl Held {
    fn count(&self) -> usize {
        self.keys.as_ref().map_or(0, |keys| keys.len())
    }
}

/// Returns the state after a successful fetch at `now`, in seconds since the Unix epoch.
fn accepted(before: &Held, keys: KeySet, now: u64) -> Held {
    Held {
        version: before.version.saturating_add(1),
        keys: Some(Arc::new(keys)),
        fetched_at: Some(now),
        error: None,
    }
}

impl Issuer {
    pub(crate) fn new(options: IssuerOptions, source: Source, outside: Outside) -> Self {
        Self {
            options: Arc::new(options),
            source,
            outside,
            held: ArcSwap::default(),
            single_flight: SingleFlight::default(),
            waiting: Semaphore::new(MAX_WAITING),
            fetches: AtomicU64::default(),
            failures: AtomicU64::default(),
        }
    }

    /// Verifies a token's signature. If the current keys do not suffice, fetches new ones, unless a
    /// login caused a fetch within the cool-down. Logins that arrive during a fetch wait for the
    /// same one.
    pub(crate) async fn verify(
        self: &Arc<Self>,
        token: &Token<'_>,
        deadline: Instant,
    ) -> Result<(), TokenError> {
        let held = self.held.load_full();
        let refusal = match self.attempt(&held, token) {
            Err(refusal) if refusal.is_for_want_of_a_key() => refusal,
            done => return done,
        };
        match self.request(held.version) {
            Refresh::Refused => return Err(self.in_cool_down(refusal)),
            Refresh::Changed => {}
            Refresh::Wait(fetch) => self.wait(fetch, deadline).await?,
        }
        self.attempt(&self.held.load_full(), token)
    }

    async fn wait(&self, fetch: Fetch, deadline: Instant) -> Result<(), TokenError> {
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(self.unavailable("too many logins wait for them already"));
        };
        let ended = timeout_at(deadline.into(), fetch.wait()).await;
        ended.map_err(|_| TokenError::Deadline {
            issuer: self.options.name.clone(),
        })
    }

    fn attempt(&self, held: &Held, token: &Token<'_>) -> Result<(), TokenError> {
        let reason = held.error.as_deref();
        let Some(keys) = &held.keys else {
            let reason = reason.unwrap_or("they have not been fetched yet");
            return Err(self.unavailable(reason));
        };
        match (reason, keys.verify(token, &self.options.name)) {
            // With keys from before the failed fetch, the key may exist.
            (Some(reason), Err(TokenError::UnknownKey { .. } | TokenError::IgnoredKey { .. })) => {
                Err(self.unavailable(reason))
            }
            (_, result) => result,
        }
    }

    /// Returns the refusal of a token whose key a fetch might bring, while none may start. A token
    /// with an unknown key may be good: the host does not know. A signature by a wrong key is bad
    /// by the issuer's own keys.
    fn in_cool_down(&self, refusal: TokenError) -> TokenError {
        match refusal {
            TokenError::UnknownKey { key, .. } | TokenError::IgnoredKey { key, .. } => {
                let reason = format!(
                    "`{key}` is not among them, and the `cool-down` since the last fetch has not ended"
                );
                self.unavailable(&reason)
            }
            refusal => refusal,
        }
    }

    /// Checks that the issuer has keys.
    pub(crate) fn check_keys(&self) -> Result<(), TokenError> {
        let held = self.held.load();
        if held.keys.is_some() {
            return Ok(());
        }
        let reason = held.error.as_deref();
        Err(self.unavailable(reason.unwrap_or("they have not been fetched yet")))
    }

    fn unavailable(&self, reason: &str) -> TokenError {
        TokenError::KeysUnavailable {
            issuer: self.options.name.clone(),
            reason: reason.to_owned(),
        }
    }

    /// Requests newer keys than those of `version`.
    fn request(self: &Arc<Self>, version: u64) -> Refresh {
        let changed = || self.held.load().version != version;
        let cool_down = self.options.cool_down;
        let start = || self.start();
        self.single_flight
            .request(self.outside.clock.now(), cool_down, changed, start)
    }

    /// Fetches keys, or waits for the fetch in progress.
    pub(crate) async fn refresh(self: &Arc<Self>) {
        self.single_flight.join(|| self.start()).wait().await;
    }

    /// Starts a fetch in a separate task, which no deadline of a login ends.
    fn start(self: &Arc<Self>) -> Fetch {
        let (sender, fetch) = Fetch::new();
        let issuer = Arc::clone(self);
        tokio::spawn(async move {
            issuer.load().await;
            drop(sender);
        });
        fetch
    }

    async fn load(&self) {
        let fetched = fetch(&*self.outside.http, &self.source, &self.options).await;
        self.fetches.fetch_add(1, Ordering::Relaxed);
        let before = self.held.load_full();
        // Stores the result before the log line, because a reader of the log may log in at once.
        match fetched {
            Ok(keys) => {
                let ignored = (keys.ignored.len(), keys.told_ignored());
                let after = Arc::new(accepted(&before, keys, self.outside.clock.unix_seconds()));
                self.held.store(Arc::clone(&after));
                self.tell_accepted(&before, &after, &ignored);
            }
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                let reason = with_causes(&error);
                let kept = Held {
                    error: Some(reason.clone()),
                    ..Held::clone(&before)
                };
                self.held.store(Arc::new(kept));
                self.tell_kept(&before, &reason);
            }
        }
    }

    fn tell_accepted(
        &self,
        before: &Held,
        after: &Held,
        (ignored, reasons): &(usize, Option<String>),
    ) {
        let (name, count) = (self.options.name.as_str(), after.count());
        let same = before.keys.as_ref().zip(after.keys.as_ref());
        if same.is_some_and(|(held, keys)| held.has_ids_of(keys)) && before.error.is_none() {
            debug!(
                issuer.name = name,
                issuer.keys = count,
                "the issuer's keys are the same"
            );
        } else {
            info!(
                issuer.name = name,
                issuer.keys = count,
                issuer.ignored_keys = ignored,
                issuer.ignored = reasons.as_deref(),
                "the issuer's keys were fetched"
            );
        }
    }

    /// Logs a failure once while it lasts. The metrics count every failure.
    fn tell_kept(&self, before: &Held, reason: &str) {
        let name = self.options.name.as_str();
        if before.error.as_deref() == Some(reason) {
            debug!(
                issuer.name = name,
                error = reason,
                "the issuer's keys still could not be fetched"
            );
        } else {
            warn!(
                issuer.name = name,
                issuer.keys = before.count(),
                error = reason,
                "the issuer's keys could not be fetched; those that are held stay in use"
            );
        }
    }

    /// Refreshes the keys for ever.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        // Files were read once at the setup, to check them.
        let mut first = true;
        loop {
            let changed = match &self.source {
                Source::File(file) => has_changed(file).await,
                _ => true,
            };
            // An unchanged file is read again only after a failure.
            if first || changed || self.held.load().error.is_some() {
                self.refresh().await;
            }
            first = false;
            sleep(self.pause()).await;
        }
    }

    fn pause(&self) -> Duration {
        let options = &self.options;
        let pause = match (&self.source, &self.held.load().error) {
            (Source::File(_), _) => TICK,
            (_, Some(_)) => options.cool_down.min(options.refresh),
            (_, None) => options.refresh,
        };
        pause.max(TICK)
    }

    pub(crate) fn status(&self) -> IssuerStatus {
        let held = self.held.load();
        IssuerStatus {
            name: self.options.name.clone(),
            issuer: self.options.issuer.clone(),
            required: self.options.required,
            keys: held.count(),
            fetched_at: held.fetched_at,
            error: held.error.clone(),
            fetches: self.fetches.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}

/// Returns whether a file of keys has to be read again. Also `true` if the check fails.
async fn has_changed(file: &Arc<WatchedFile>) -> bool {
    let file = Arc::clone(file);
    let look = tokio::task::spawn_blocking(move || file.has_changed());
    look.await.unwrap_or(true)
}

#[cfg(test)]
mod tests;
