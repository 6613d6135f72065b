//! Limits and grants of policies.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use portcullis_core::{BucketName, Permit};
use serde::{Deserialize, Serialize};

/// The limits of one policy for one decision, and for `configure`. The stack is not among them: all
/// policies have [`Limits::STACK`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Limits {
    /// Maximum time of a decision inside the policy. Time that the host spends on a slow password
    /// hash does not count. Default: 100 ms.
    pub deadline: Duration,
    /// Maximum linear memory, in bytes. Default: 16 MiB.
    pub memory: usize,
    /// Maximum number of elements in all tables together. Default: 10,000.
    pub tables: usize,
    /// Maximum bytes that one call passes to the host: the arguments of a host function, or the
    /// result of `decide` and `configure`. Default: 1 MiB.
    pub host_call_bytes: usize,
    /// Maximum number of log lines; further lines are dropped. Default: 32.
    pub log_lines: usize,
    /// Maximum length of a log line, in bytes; the rest is cut. Default: 1 KiB.
    pub log_line_bytes: usize,
    /// Maximum number of subjects in a permit, over all lists. Default: [`Permit::MAX_SUBJECTS`].
    pub subjects: usize,
    /// Maximum length of the reason of a deny, in bytes; the rest is cut. Default: 1 KiB.
    pub reason_bytes: usize,
    /// Maximum number of comparisons of the client's password or token with a hash in one decision.
    /// Default: 8.
    pub comparisons: usize,
}

/// One of the [`Limits`], for display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Key of the limit under `[limits]` in a settings file.
    pub name: &'static str,
    /// Amount of the limit.
    pub amount: Amount,
}

/// The amount of a limit, in its own unit. Displays in the form of settings files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Amount {
    /// A duration.
    Time(Duration),
    /// A number of bytes.
    Bytes(usize),
    /// A number of items.
    Count(usize),
}

/// The amount of a limit, for changes.
#[derive(Debug, PartialEq, Eq)]
pub enum AmountMut<'a> {
    /// A duration.
    Time(&'a mut Duration),
    /// A number of bytes.
    Bytes {
        /// The amount.
        bytes: &'a mut usize,
        /// Upper bound of this limit, as in [`Limits::MAX`].
        max: usize,
    },
    /// A number of items.
    Count {
        /// The amount.
        count: &'a mut usize,
        /// Upper bound of this limit, as in [`Limits::MAX`].
        max: usize,
    },
}

/// The special permissions of a policy. Default: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Grants {
    /// Whether the policy may read passwords, tokens and JWTs in plain text (the interface
    /// `secrets`).
    pub secrets: bool,
    /// Buckets in which the policy may look up keys (the interface `key-value`).
    pub key_values: BTreeSet<BucketName>,
    /// Whether the policy may compare passwords and tokens with `plain:` forms. They cost so little
    /// that a policy could guess with them.
    pub plain_hashes: bool,
}

impl Limits {
    /// Maximum memory of any policy, in bytes: the size of a slot in the instance pool.
    pub const MAX_MEMORY: usize = 256 << 20;
    /// Upper bounds of all limits.
    pub const MAX: Self = Self {
        deadline: Duration::from_mins(1),
        memory: Self::MAX_MEMORY,
        tables: Self::TABLE_ELEMENTS,
        host_call_bytes: 4 << 20,
        log_lines: 1024,
        log_line_bytes: 64 << 10,
        subjects: Permit::MAX_SUBJECTS,
        reason_bytes: 64 << 10,
        comparisons: 100_000,
    };
    /// Stack of every policy, in bytes. wasmtime has one size for all; this is its default.
    pub const STACK: usize = 512 << 10;
    /// Maximum time of `configure`.
    pub(crate) const CONFIGURE_DEADLINE: Duration = Duration::from_secs(5);
    /// Maximum number of elements of a table: the size of a table in the instance pool.
    pub(crate) const TABLE_ELEMENTS: usize = 20_000;
    /// Maximum number of permits that a decision holds at once.
    pub(crate) const PERMITS: usize = 64;
    /// Maximum size of the permits of one decision in the host, in bytes, dropped ones included.
    pub(crate) const PERMIT_BYTES: usize = 8 << 20;
    /// Maximum number of keys that one decision looks up.
    pub(crate) const LOOK_UPS: usize = 256;
    /// Maximum length of a refusal of settings, in bytes. A refusal may list many problems.
    pub(crate) const REFUSAL_BYTES: usize = 16 << 10;

    /// Returns each limit with its name.
    pub fn each(&self) -> [Limit; 9] {
        let mut limits = *self;
        limits.each_mut().map(|(name, amount)| Limit {
            name,
            amount: amount.get(),
        })
    }

    /// Returns the name of each limit and its amount, for changes. Assignments are not held to the
    /// upper bounds.
    pub fn each_mut(&mut self) -> [(&'static str, AmountMut<'_>); 9] {
        let max = Self::MAX;
        let (bytes, count) = (AmountMut::bytes, AmountMut::count);
        [
            ("deadline", AmountMut::Time(&mut self.deadline)),
            ("memory", bytes(&mut self.memory, max.memory)),
            ("tables", count(&mut self.tables, max.tables)),
            (
                "host-call-bytes",
                bytes(&mut self.host_call_bytes, max.host_call_bytes),
            ),
            ("log-lines", count(&mut self.log_lines, max.log_lines)),
            (
                "log-line-bytes",
                bytes(&mut self.log_line_bytes, max.log_line_bytes),
            ),
            ("subjects", count(&mut self.subjects, max.subjects)),
            (
                "reason-bytes",
                bytes(&mut self.reason_bytes, max.reason_bytes),
            ),
            ("comparisons", count(&mut self.comparisons, max.comparisons)),
        ]
    }

    /// Returns these limits, each lowered to that of `max` if it is higher.
    #[must_use]
    pub fn at_most(&self, max: &Self) -> Self {
        Self {
            deadline: self.deadline.min(max.deadline),
            memory: self.memory.min(max.memory),
            tables: self.tables.min(max.tables),
            host_call_bytes: self.host_call_bytes.min(max.host_call_bytes),
            log_lines: self.log_lines.min(max.log_lines),
            log_line_bytes: self.log_line_bytes.min(max.log_line_bytes),
            subjects: self.subjects.min(max.subjects),
            reason_bytes: self.reason_bytes.min(max.reason_bytes),
            comparisons: self.comparisons.min(max.comparisons),
        }
    }

    /// Returns each of these limits that is higher than that of `max`, with the amount of the
    /// latter.
    pub fn beyond(&self, max: &Self) -> impl Iterator<Item = (Limit, Amount)> + use<> {
        let both = self.each().into_iter().zip(max.each());
        both.filter(|(asked, most)| asked.amount > most.amount)
            .map(|(asked, most)| (asked, most.amount))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(100),
            memory: 16 << 20,
            tables: 10_000,
            host_call_bytes: 1 << 20,
            log_lines: 32,
            log_line_bytes: 1 << 10,
            subjects: Permit::MAX_SUBJECTS,
            reason_bytes: 1 << 10,
            comparisons: 8,
        }
    }
}

impl<'a> AmountMut<'a> {
    const fn bytes(bytes: &'a mut usize, max: usize) -> Self {
        Self::Bytes { bytes, max }
    }

    const fn count(count: &'a mut usize, max: usize) -> Self {
        Self::Count { count, max }
    }

    const fn get(&self) -> Amount {
        match self {
            Self::Time(time) => Amount::Time(**time),
            Self::Bytes { bytes, .. } => Amount::Bytes(**bytes),
            Self::Count { count, .. } => Amount::Count(**count),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(formatter, "{time:?}"),
            Self::Count(number) => write!(formatter, "{number}"),
            Self::Bytes(bytes) => {
                let units = [(20, "MiB"), (10, "KiB")];
                let whole = units
                    .into_iter()
                    .find(|(shift, _)| *bytes > 0 && bytes.trailing_zeros() >= *shift);
                match whole {
                    Some((shift, unit)) => write!(formatter, "{}{unit}", bytes >> shift),
                    None => write!(formatter, "{bytes}B"),
                }
            }
        }
    }
}
