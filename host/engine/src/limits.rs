//! What a policy may use.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use portcullis_core::{BucketName, Permit};
use serde::{Deserialize, Serialize};

use crate::load::LoadError;

/// What one policy may use for one decision, and for `configure`. Its stack is not among them: all policies have
/// [`Limits::STACK`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Limits {
    /// Longest a decision may run inside the policy. Time the host spends on a slow password hash does not count.
    pub deadline: Duration,
    /// Most linear memory, in bytes.
    pub memory: usize,
    /// Most elements in all tables together.
    pub tables: usize,
    /// Most bytes that one call hands over to the host: the arguments of a host function, or what `decide` and `configure`
    /// return.
    pub host_call_bytes: usize,
    /// Most log lines; what exceeds it is dropped.
    pub log_lines: usize,
    /// Longest log line, in bytes; what exceeds it is cut.
    pub log_line_bytes: usize,
    /// Most subjects in a permit, over all lists.
    pub subjects: usize,
    /// Longest reason of a deny, in bytes; what exceeds it is cut.
    pub reason_bytes: usize,
    /// Most comparisons of the client's password or token with a hash in one decision.
    pub comparisons: usize,
}

/// One of the [`Limits`], for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its key under `[limits]` in a settings file.
    pub name: &'static str,
    /// How much it is.
    pub amount: Amount,
}

/// How much a limit is, in its own unit. Displayed as settings files write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Amount {
    /// A time.
    Time(Duration),
    /// A number of bytes.
    Bytes(usize),
    /// A number of things.
    Count(usize),
}

/// What a policy may ask for beyond the ordinary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Grants {
    /// Read passwords, tokens and JWTs in the clear (the interface `secrets`).
    pub secrets: bool,
    /// Look keys up in these buckets (the interface `key-value`).
    pub key_values: BTreeSet<BucketName>,
    /// Compare passwords and tokens with `plain:` forms, which cost so little that a policy could guess with them.
    pub plain_hashes: bool,
}

impl Limits {
    /// The most memory any policy can be given: the size of a slot in the instance pool.
    pub const MAX_MEMORY: usize = 256 << 20;
    /// The most that any policy can be given of anything.
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
    /// The stack of every policy, in bytes. wasmtime has one size for all, and this is its default.
    pub const STACK: usize = 512 << 10;
    /// Longest `configure` may run.
    pub(crate) const CONFIGURE_DEADLINE: Duration = Duration::from_secs(5);
    /// The most elements of a table: what a slot of the instance pool has.
    pub(crate) const TABLE_ELEMENTS: usize = 20_000;
    /// Most permits alive at once in one decision.
    pub(crate) const PERMITS: usize = 64;
    /// Most bytes that the permits of one decision take in the host, dropped ones included.
    pub(crate) const PERMIT_BYTES: usize = 8 << 20;
    /// Most keys that one decision looks up.
    pub(crate) const LOOK_UPS: usize = 256;
    /// Longest refusal of settings, in bytes: it may list many problems.
    pub(crate) const REFUSAL_BYTES: usize = 16 << 10;

    /// All of them, one by one.
    pub fn each(&self) -> [Limit; 9] {
        let Self {
            deadline,
            memory,
            tables,
            host_call_bytes,
            log_lines,
            log_line_bytes,
            subjects,
            reason_bytes,
            comparisons,
        } = *self;
        let limit = Limit::new;
        [
            limit("deadline", Amount::Time(deadline)),
            limit("memory", Amount::Bytes(memory)),
            limit("tables", Amount::Count(tables)),
            limit("host-call-bytes", Amount::Bytes(host_call_bytes)),
            limit("log-lines", Amount::Count(log_lines)),
            limit("log-line-bytes", Amount::Bytes(log_line_bytes)),
            limit("subjects", Amount::Count(subjects)),
            limit("reason-bytes", Amount::Bytes(reason_bytes)),
            limit("comparisons", Amount::Count(comparisons)),
        ]
    }

    /// Returns these limits, each lowered to the one of `max` where it is higher.
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

    /// Returns the first of these limits that is higher than the one of `max`, with that one's amount.
    pub fn first_beyond(&self, max: &Self) -> Option<(Limit, Amount)> {
        let mut both = self.each().into_iter().zip(max.each());
        both.find(|(asked, most)| asked.amount > most.amount)
            .map(|(asked, most)| (asked, most.amount))
    }

    /// Refuses what goes beyond [`Limits::MAX`].
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        match self.first_beyond(&Self::MAX) {
            None => Ok(()),
            Some((asked, most)) => Err(LoadError::Limit { asked, most }),
        }
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

impl Limit {
    const fn new(name: &'static str, amount: Amount) -> Self {
        Self { name, amount }
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
