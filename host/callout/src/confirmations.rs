//! The records of permitted logins, which wait until their servers can no longer refuse them.
//!
//! No server says that it took a permit. It says when it refuses one, or stops waiting for it
//! ([`crate::rejections`]). So a login counts as admitted if its server says neither until its own
//! timeout has passed, and for a second after that. If the host could not hear the server
//! meanwhile, the outcome is unconfirmed.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use portcullis_authority::PendingRecord;
use portcullis_core::LoginOutcome;

/// Time that an event of a server takes to arrive at most.
const MARGIN: Duration = Duration::from_secs(1);

/// Time for which a record waits if the request does not say how long its server waits.
const UNKNOWN_PATIENCE: Duration = Duration::from_secs(5);

/// Interval at which records are settled.
pub(crate) const INTERVAL: Duration = Duration::from_millis(250);

/// The reason for which a server refused a permitted login, once it has said so. Empty if it gave
/// no reason.
pub(crate) type Refusal = Arc<OnceLock<Box<str>>>;

/// The records that wait for their servers.
#[derive(Debug, Default)]
pub(crate) struct Confirmations(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The records, by the time at which they are settled and a number.
    waiting: BTreeMap<(Instant, u64), Waiting>,
    /// The number of records so far.
    number: u64,
    /// The last time at which the host could not hear its servers.
    deaf_at: Option<Instant>,
    last_tick: Option<Instant>,
    /// The time before which no record is settled, after a pause of the process.
    not_before: Option<Instant>,
}

/// The record of a permit whose reply was sent.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) record: PendingRecord,
    /// The refusal, which the memory of recent permits shares until it has an event or expires.
    pub(crate) refusal: Refusal,
    /// The time of the reply.
    pub(crate) sent_at: Instant,
}

/// Returns the time at which the record of a login is settled. The reply is sent at `sent_at`. The
/// server waits until `gives_up_at`, if its request says.
pub(crate) fn settles_at(sent_at: Instant, gives_up_at: Option<Instant>) -> Instant {
    let gives_up_at = gives_up_at.unwrap_or(sent_at + UNKNOWN_PATIENCE);
    gives_up_at.max(sent_at) + MARGIN
}

impl Confirmations {
    /// Holds a record back until `settles_at`.
    pub(crate) fn hold(&self, waiting: Waiting, settles_at: Instant) {
        let mut state = self.0.lock();
        state.number = state.number.wrapping_add(1);
        let number = state.number;
        state.waiting.insert((settles_at, number), waiting);
    }

    /// Returns the records whose outcome is known at `now`. `hears` says whether the host has heard
    /// its servers since the last call. To be called every [`INTERVAL`].
    pub(crate) fn settle(&self, now: Instant, hears: bool) -> Vec<PendingRecord> {
        let mut state = self.0.lock();
        let pause = state.last_tick.replace(now);
        // After a pause of the process, its events arrive later than its timers.
        if pause.is_some_and(|last| now.saturating_duration_since(last) > MARGIN) {
            state.not_before = Some(now + MARGIN);
        }
        if !hears {
            state.deaf_at = Some(now);
        }
        if state.not_before.is_some_and(|until| now < until) {
            return Vec::new();
        }
        let later = state.waiting.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut state.waiting, later);
        let deaf_at = state.deaf_at;
        drop(state);
        due.into_values()
            .map(|waiting| waiting.settled(deaf_at))
            .collect()
    }

    /// Returns all records. Those of logins that the servers could still refuse are unconfirmed.
    pub(crate) fn finish(&self, now: Instant) -> Vec<PendingRecord> {
        let waiting = std::mem::take(&mut self.0.lock().waiting);
        let settled = |((settles_at, _), waiting): ((Instant, u64), Waiting)| {
            let deaf_at = (now < settles_at).then_some(now);
            waiting.settled(deaf_at)
        };
        waiting.into_iter().map(settled).collect()
    }
}

impl Waiting {
    /// Returns the record with its outcome. `deaf_at` is the last time at which the host could not
    /// hear its servers.
    fn settled(self, deaf_at: Option<Instant>) -> PendingRecord {
        let Self {
            mut record,
            refusal,
            sent_at,
        } = self;
        let login = &mut record.record;
        if let Some(reason) = refusal.get() {
            login.outcome = LoginOutcome::Rejected;
            login.server_reason = Some(reason.to_string());
            // Without a permit that a server took, the login may do nothing.
            return record;
        }
        // If the memory of recent permits has evicted this one, an event was not matched with it.
        let is_forgotten = Arc::strong_count(&refusal) == 1;
        let is_heard = deaf_at.is_none_or(|deaf_at| deaf_at < sent_at);
        login.outcome = if is_heard && !is_forgotten {
            LoginOutcome::Admitted
        } else {
            LoginOutcome::Unconfirmed
        };
        record
    }
}

#[cfg(test)]
mod tests;
