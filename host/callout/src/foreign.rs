//! Log lines about messages that no server sent: one, and then how many there were.
//!
//! A user of the callout account decides how many such messages come. A line each would let it fill the log.

use std::sync::{Mutex, PoisonError};

/// The reason of refusals of messages that no server sent.
pub(crate) const FOREIGN: &str = "foreign";

/// Refusals of foreign messages that no line has told yet; `None` if the next one gets a line of its own.
#[derive(Debug, Default)]
pub(crate) struct Foreign(Mutex<Option<u64>>);

impl Foreign {
    /// Notes a refusal. Returns whether it gets a line of its own.
    pub(crate) fn is_first(&self) -> bool {
        let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = untold.is_none();
        *untold = Some(untold.map_or(0, |count| count.saturating_add(1)));
        is_first
    }

    /// Writes how many refusals there were since the last time, if any.
    pub(crate) fn write(&self) {
        if let Some(count) = self.take() {
            tracing::warn!(
                refusal.reason = FOREIGN,
                refusal.count = count,
                "requests were refused"
            );
        }
    }

    /// Returns how many are untold, and begins to count again. After an interval without any, the next is a first.
    fn take(&self) -> Option<u64> {
        let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = untold.filter(|count| *count > 0);
        *untold = count.map(|_| 0);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_and_the_others_are_counted() {
        let foreign = Foreign::default();
        let first = [(); 4].map(|()| foreign.is_first());
        assert_eq!(first, [true, false, false, false]);
        assert_eq!(foreign.take(), Some(3));
        assert!(!foreign.is_first());
        assert_eq!(foreign.take(), Some(1));
        assert_eq!(foreign.take(), None);
        assert!(foreign.is_first(), "after an interval without any");
    }
}
