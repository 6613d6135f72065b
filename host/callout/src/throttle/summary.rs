//! Log lines about throttled logins: one at the first refusal of each counter, and then how many there were.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use portcullis_core::Client;

use super::Kind;

/// Most counters whose refusals are told apart; those of the others are told together.
const MOST: usize = 1024;

/// The refusals that no line has told yet.
///
/// Names and addresses are held for as long as their clients go on: until a whole interval without a refusal.
#[derive(Debug, Default)]
pub(super) struct Summary(Mutex<Refusals>);

#[derive(Debug, Default)]
struct Refusals {
    by_counter: HashMap<u64, Refused>,
    /// Refusals by counters beyond [`MOST`].
    others: u64,
}

/// The refusals by one counter.
#[derive(Debug)]
struct Refused {
    kind: Kind,
    host: Option<String>,
    user: Option<String>,
    /// Since the last line.
    count: u64,
    /// Whether the first refusal came after the last summary.
    is_new: bool,
}

impl Summary {
    /// Notes a refusal of `client` by the counter `key`. Returns whether it is the first, and writes a line then.
    pub(super) fn refused(&self, kind: Kind, key: u64, client: &Client) -> bool {
        let mut refusals = self.refusals();
        if let Some(refused) = refusals.by_counter.get_mut(&key) {
            refused.count = refused.count.saturating_add(1);
            return false;
        }
        if refusals.by_counter.len() >= MOST {
            refusals.others = refusals.others.saturating_add(1);
            return false;
        }
        let refused = Refused {
            kind,
            host: client.host.clone(),
            user: client.user.clone(),
            count: 0,
            is_new: true,
        };
        refusals.by_counter.insert(key, refused);
        drop(refusals);
        tracing::warn!(
            throttle.kind = kind.as_str(),
            client.host = client.host.as_deref(),
            client.user = client.user.as_deref(),
            "logins are throttled: too many attempts have failed"
        );
        true
    }

    /// Writes how many refusals there were since the last time, one line a counter, and forgets counters without any.
    pub(super) fn write(&self) {
        let (told, others) = {
            let mut refusals = self.refusals();
            let mut told = Vec::new();
            refusals.by_counter.retain(|_, refused| {
                let count = std::mem::take(&mut refused.count);
                if count > 0 {
                    told.push((
                        refused.kind,
                        refused.host.clone(),
                        refused.user.clone(),
                        count,
                    ));
                }
                std::mem::take(&mut refused.is_new) || count > 0
            });
            (told, std::mem::take(&mut refusals.others))
        };
        for (kind, host, user, count) in told {
            tracing::warn!(
                throttle.kind = kind.as_str(),
                throttle.refused = count,
                client.host = host,
                client.user = user,
                "logins were throttled"
            );
        }
        if others > 0 {
            tracing::warn!(throttle.refused = others, "logins were throttled");
        }
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_refusal_of_a_counter_is_told_and_the_others_are_counted() {
        let summary = Summary::default();
        let refused = |key| summary.refused(Kind::User, key, &Client::default());
        assert!(refused(1));
        summary.write();
        assert!(!refused(1), "no interval has passed since the first");
        assert!(refused(2));
        assert_eq!(summary.refusals().by_counter[&1].count, 1);
        for _ in 0..2 {
            summary.write();
        }
        assert!(refused(1), "after an interval without a refusal");
    }

    #[test]
    fn memory_is_bounded() {
        let summary = Summary::default();
        for key in 0..2 * MOST as u64 {
            summary.refused(Kind::Address, key, &Client::default());
        }
        let refusals = summary.refusals();
        assert_eq!(refusals.by_counter.len(), MOST);
        assert_eq!(refusals.others, MOST as u64);
    }
}
