//! Comparisons of a client's secrets with hashes, which could be guesses.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The count of comparisons of all policies that decide about one login.
///
/// Without it, each of many policies could guess as often as its own limit allows.
#[derive(Debug)]
pub struct Comparisons {
    limit: usize,
    made: AtomicUsize,
}

/// A comparison of the client's secrets beyond a limit. Raised as a trap, recognised by downcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComparisonsExceeded {
    /// One policy has reached its own limit.
    #[error(
        "it compared the client's password or token more than {limit} times; raise `comparisons` under [limits] in its settings file \
         if that is meant"
    )]
    Policy {
        /// Maximum number of comparisons.
        limit: usize,
    },
    /// The policies of one login have reached their limit.
    #[error(
        "the policies that were asked compared the client's password or token more than {limit} times together; raise `comparisons` \
         under [limits] in the settings file of one of them if that is meant"
    )]
    Login {
        /// Maximum number of comparisons.
        limit: usize,
    },
}

impl Comparisons {
    /// Creates a count for one login, whose policies may make `limit` comparisons together.
    pub const fn at_most(limit: usize) -> Self {
        Self {
            limit,
            made: AtomicUsize::new(0),
        }
    }

    /// Counts a comparison. Fails if the limit is reached.
    pub(crate) fn charge(&self) -> Result<(), ComparisonsExceeded> {
        let limit = self.limit;
        let add = |made: usize| (made < limit).then_some(made.saturating_add(1));
        // The policies of a login are asked one after the other, on any thread. No other
        // data depends on this number.
        self.made
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
            .map(|_| ())
            .map_err(|_| ComparisonsExceeded::Login { limit })
    }

    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    pub(crate) fn set_back_to(&self, made: usize) {
        self.made.store(made, Ordering::Relaxed);
    }
}
