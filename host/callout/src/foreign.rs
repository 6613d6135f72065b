//! Log lines about messages that no server sent: the first, then a summary.
//!
//! A user of the callout account decides how many such messages come. A line for each would let the
//! user fill the log.

use std::time::Instant;

use portcullis_core::{Repeats, Report};

/// The reason of refusals of messages that no server sent.
pub(crate) const FOREIGN: &str = "foreign";

/// The refusals of foreign messages, as far as the log does not have them.
#[derive(Debug)]
pub(crate) struct Foreign(Repeats<()>);

impl Default for Foreign {
    fn default() -> Self {
        Self(Repeats::summed_up_regularly(1))
    }
}

impl Foreign {
    /// Records a refusal. Returns whether it gets a line of its own.
    pub(crate) fn is_first(&self) -> bool {
        self.0.record((), Instant::now(), || ()) == Report::First
    }

    /// Logs the number of refusals since the last call, unless it is zero.
    pub(crate) fn write(&self) {
        for ((), count) in self.0.take_summaries().by_key {
            tracing::warn!(
                refusal.reason = FOREIGN,
                refusal.count = count,
                "requests were refused"
            );
        }
    }
}
