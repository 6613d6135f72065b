//! The counters of the resolver.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use portcullis_core::Sample;
use portcullis_http::Closed;

use crate::account_jwts::Written;

/// The counts since the start of the resolver, over HTTP and NATS together.
#[derive(Debug)]
pub(super) struct Counters {
    lookups: Outcomes<LookedUp>,
    writes: Outcomes<Wrote>,
    announcements: Outcomes<Announced>,
    connections_closed: Outcomes<Closed>,
}

/// Events by outcome. Each outcome is exported from zero on.
#[derive(Debug)]
struct Outcomes<T> {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    counts: Mutex<BTreeMap<T, u64>>,
}

/// The outcome of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LookedUp {
    /// The client got the JWT.
    Found,
    /// The client has the JWT.
    NotModified,
    /// The store has no JWT of the account.
    Unknown,
    /// The JWT has expired, and the client asked for one that has not.
    Expired,
    /// The store could not be read.
    Failed,
}

/// The outcome of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wrote {
    /// The store had no version of the account.
    Added,
    /// The version replaced an earlier one.
    Replaced,
    /// The store had the version.
    Unchanged,
    /// The account was deleted.
    Deleted,
    /// The store has a later version.
    Older,
    /// The version breaks another rule.
    Refused,
    /// The bearer token was missing or wrong.
    Unauthorized,
    /// The client sent too many writes.
    Throttled,
    /// The store could not be read or written.
    Failed,
}

/// The outcome of an attempt to announce a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Announced {
    /// Every known server answered.
    Answered,
    /// A server did not answer.
    Incomplete,
    /// A server did not answer the last attempt.
    GaveUp,
    /// No server could be reached.
    Failed,
}

/// An outcome of a fixed list.
trait Outcome: Copy + Ord + 'static {
    /// All outcomes.
    const ALL: &[Self];

    /// Returns the name in metrics.
    fn as_str(self) -> &'static str;
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            lookups: Outcomes::new(
                "resolver_lookups",
                "Lookups of account JWTs, by outcome",
                "outcome",
            ),
            writes: Outcomes::new(
                "resolver_writes",
                "Writes of account JWTs, by outcome",
                "outcome",
            ),
            announcements: Outcomes::new(
                "resolver_announcements",
                "Attempts to tell the servers of an account JWT, by outcome",
                "outcome",
            ),
            connections_closed: Outcomes::new(
                "resolver_connections_closed",
                "Connections that the resolver closed before their clients, by reason",
                "reason",
            ),
        }
    }
}

impl Counters {
    pub(super) fn looked_up(&self, outcome: LookedUp) {
        self.lookups.count(outcome);
    }

    pub(super) fn wrote(&self, outcome: Wrote) {
        self.writes.count(outcome);
    }

    pub(super) fn announced(&self, outcome: Announced) {
        self.announcements.count(outcome);
    }

    pub(super) fn connection_closed(&self, reason: Closed) {
        self.connections_closed.count(reason);
    }

    /// Returns a sample of each counter.
    pub(super) fn samples(&self) -> Vec<Sample> {
        let mut samples = self.lookups.samples();
        samples.extend(self.writes.samples());
        samples.extend(self.announcements.samples());
        samples.extend(self.connections_closed.samples());
        samples
    }
}

impl<T: Outcome> Outcomes<T> {
    const fn new(name: &'static str, help: &'static str, label: &'static str) -> Self {
        Self {
            name,
            help,
            label,
            counts: Mutex::new(BTreeMap::new()),
        }
    }

    fn count(&self, outcome: T) {
        let mut counts = self.counts.lock();
        let count = counts.entry(outcome).or_default();
        *count = count.saturating_add(1);
    }

    fn samples(&self) -> Vec<Sample> {
        let counts = self.counts.lock();
        let samples = T::ALL.iter().map(|outcome| {
            let count = counts.get(outcome).copied().unwrap_or_default();
            let sample = Sample::counter(self.name, self.help, count);
            sample.with(self.label, outcome.as_str())
        });
        samples.collect()
    }
}

impl Outcome for LookedUp {
    const ALL: &[Self] = &[
        Self::Found,
        Self::NotModified,
        Self::Unknown,
        Self::Expired,
        Self::Failed,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NotModified => "not-modified",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }
}

impl Wrote {
    pub(super) const fn from_written(written: Written) -> Self {
        match written {
            Written::Added => Self::Added,
            Written::Replaced => Self::Replaced,
            Written::Unchanged => Self::Unchanged,
        }
    }
}

impl Outcome for Wrote {
    const ALL: &[Self] = &[
        Self::Added,
        Self::Replaced,
        Self::Unchanged,
        Self::Deleted,
        Self::Older,
        Self::Refused,
        Self::Unauthorized,
        Self::Throttled,
        Self::Failed,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Replaced => "replaced",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
            Self::Older => "older",
            Self::Refused => "refused",
            Self::Unauthorized => "unauthorized",
            Self::Throttled => "throttled",
            Self::Failed => "failed",
        }
    }
}

impl Outcome for Announced {
    const ALL: &[Self] = &[Self::Answered, Self::Incomplete, Self::GaveUp, Self::Failed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Incomplete => "incomplete",
            Self::GaveUp => "gave-up",
            Self::Failed => "failed",
        }
    }
}

impl Outcome for Closed {
    const ALL: &[Self] = &Self::ALL;

    fn as_str(self) -> &'static str {
        self.as_str()
    }
}
