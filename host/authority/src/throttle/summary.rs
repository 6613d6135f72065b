//! Log lines about throttled logins: the first refusal of each counter, then a summary.

use std::time::Instant;

use portcullis_core::{Client, Repeats, Report};

use super::kind::Kind;

/// Maximum number of counters with a summary of their own. The others share one.
const MAX_COUNTERS: usize = 1024;

/// The refusals by counter that the log does not have yet.
///
/// Names and addresses are stored until their counter has no refusal for a whole interval.
#[derive(Debug)]
pub(super) struct Summary(Repeats<u64, Refused>);

/// The first refusal by a counter.
#[derive(Clone, Debug)]
struct Refused {
    kind: Kind,
    host: Option<String>,
    user: Option<String>,
}

impl Default for Summary {
    fn default() -> Self {
        Self(Repeats::summed_up_regularly(MAX_COUNTERS))
    }
}

impl Summary {
    /// Records a refusal of `client` by the counter `key`. Logs the first refusal by a counter, and
    /// returns whether this is the first.
    pub(super) fn refused(&self, kind: Kind, key: u64, client: &Client, now: Instant) -> bool {
        let report = self.0.record(key, now, || Refused {
            kind,
            host: client.host.clone(),
            user: client.user.clone(),
        });
        let is_first = report == Report::First;
        if is_first {
            tracing::warn!(
                throttle.kind = kind.as_str(),
                client.host = client.host.as_deref(),
                client.user = client.user.as_deref(),
                "logins are throttled: too many attempts have failed"
            );
        }
        is_first
    }

    /// Logs the number of refusals since the last call, in one line for each counter.
    pub(super) fn write(&self) {
        let summaries = self.0.take_summaries();
        for (refused, count) in summaries.by_key {
            tracing::warn!(
                throttle.kind = refused.kind.as_str(),
                throttle.refused = count,
                client.host = refused.host,
                client.user = refused.user,
                "logins were throttled"
            );
        }
        if summaries.others > 0 {
            tracing::warn!(throttle.refused = summaries.others, "logins were throttled");
        }
    }
}
