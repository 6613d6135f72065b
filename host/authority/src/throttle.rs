//! Throttle: rejects clients with too many failed attempts before any signature or password work.
//!
//! The throttle counts failures per source address, and per name whose secret a client can guess,
//! in leaky buckets. An attempt counts from its admission on, and no more if it succeeds. A login
//! that succeeded from an address before is not held up by what others do there or in that name.
//! `docs/design/how-are-guesses-slowed-down.md` says why.

mod admission;
mod attempt;
mod bucket;
mod keys;
mod summary;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use portcullis_core::{DenialClass, Sample, SourceNetwork};
use tokio::sync::Semaphore;

use self::admission::{Counter, MAX_WAITING};
pub(crate) use self::attempt::Attempt;
use self::bucket::{Bucket, Rate};
use self::keys::Keys;
use self::summary::Summary;

/// Time for which the address and the names of a successful login are known together. Connections
/// last long, and so does what is known.
const KNOWN_FOR: Duration = Duration::from_hours(7 * 24);

/// The limits on failed attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottleOptions {
    /// Most failures that an address may have at once, an IPv6 client by its /64; 0 is any number.
    pub address_failures: u32,
    /// Maximum number of failures of a name whose secret is guessed, and of a login that is known
    /// at an address. 0 is any number.
    pub user_failures: u32,
    /// Time until as many have been forgotten.
    pub per: Duration,
    /// Networks whose addresses are not counted, because many clients share one. Names are counted
    /// there too.
    pub exempt_networks: Vec<SourceNetwork>,
    /// Most addresses, most names and most pairs of both that are remembered.
    pub max_entries: u64,
}

/// The failed attempts of addresses and names.
pub struct Throttle {
    options: ThrottleOptions,
    keys: Keys,
    began: Instant,
    address_rate: Option<Rate>,
    user_rate: Option<Rate>,
    addresses: Cache<u64, Arc<Bucket>>,
    users: Cache<u64, Arc<Bucket>>,
    pairs: Cache<u64, Arc<Pair>>,
    /// Places of attempts that wait for room, or have waited and are being decided.
    waiting_room: Arc<Semaphore>,
    failures: AtomicU64,
    summary: Summary,
}

/// An address and the names that logged in from there together.
#[derive(Debug, Default)]
struct Pair {
    bucket: Arc<Bucket>,
    /// In nanoseconds since the throttle began.
    known_until: AtomicU64,
}

/// What failures are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The client's address.
    Address,
    /// A name whose secret the login can guess: a user name or a bare token.
    User,
    /// Both together, once they have logged in together.
    Pair,
}

impl Default for ThrottleOptions {
    /// 300 an address and 30 a user, each in a minute.
    fn default() -> Self {
        Self {
            address_failures: 300,
            user_failures: 30,
            per: Duration::from_mins(1),
            exempt_networks: Vec::new(),
            max_entries: 65_536,
        }
    }
}

impl Throttle {
    /// Creates a throttle without any failure.
    pub fn new(options: ThrottleOptions) -> Self {
        // The cache evicts the rarest of the rarely seen keys, so that invented names and addresses
        // do not push out others.
        let counting = || {
            Cache::builder()
                .max_capacity(options.max_entries)
                // A bucket is empty by then.
                .time_to_idle(options.per)
                .build()
        };
        let pairs = Cache::builder()
            .max_capacity(options.max_entries)
            .time_to_idle(KNOWN_FOR)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self {
            keys: Keys::default(),
            began: Instant::now(),
            address_rate: Rate::new(options.address_failures, options.per),
            user_rate: Rate::new(options.user_failures, options.per),
            addresses: counting(),
            users: counting(),
            pairs,
            waiting_room: Arc::new(Semaphore::new(MAX_WAITING)),
            failures: AtomicU64::new(0),
            summary: Summary::default(),
            options,
        }
    }

    /// The numbers.
    pub fn samples(&self) -> Vec<Sample> {
        let failures = self.failures.load(Ordering::Relaxed);
        let help = "Failed attempts: logins denied as identity-rejected, policy-denied, end-of-chain, deadline or \
                    policy-deadline";
        let mut samples = vec![Sample::counter("failed_attempts", help, failures)];
        for (kind, count) in self.entries() {
            let help = "Addresses, users and pairs of both that are remembered for throttling";
            let sample = Sample::whole("throttle_entries", help, count);
            samples.push(sample.with("kind", kind.as_str()));
        }
        samples
    }

    /// Writes to the log how many logins were throttled since the last time.
    pub fn write_summary(&self) {
        self.summary.write();
    }

    /// Returns where the attempt needs room: in the pair's bucket if it is known, or else in every
    /// other.
    fn counters(&self, attempt: Attempt, now: u64) -> Vec<Counter> {
        if let Some((key, pair)) = self.known(attempt, now) {
            let counter = self.user_rate.map(|rate| Counter {
                kind: Kind::Pair,
                key,
                bucket: Arc::clone(&pair.bucket),
                rate,
            });
            return counter.into_iter().collect();
        }
        let names = attempt.names().filter_map(|key| {
            Some(Counter {
                kind: Kind::User,
                key,
                rate: self.user_rate?,
                bucket: self.users.get_with(key, Arc::default),
            })
        });
        let address = self.address_counter(attempt);
        address.into_iter().chain(names).collect()
    }

    /// Returns the bucket of the attempt's address. `None` if addresses, or this one, are not
    /// counted.
    fn address_counter(&self, attempt: Attempt) -> Option<Counter> {
        let (key, rate) = attempt.address.zip(self.address_rate)?;
        Some(Counter {
            kind: Kind::Address,
            key,
            rate,
            bucket: self.addresses.get_with(key, Arc::default),
        })
    }

    fn note_success(&self, attempt: Attempt, now: u64) {
        if let (Some(key), Some(_)) = (attempt.pair, self.user_rate.or(self.address_rate)) {
            let pair = self.pairs.get_with(key, Arc::default);
            let known_for = u64::try_from(KNOWN_FOR.as_nanos()).unwrap_or(u64::MAX);
            let until = now.saturating_add(known_for);
            pair.known_until.fetch_max(until, Ordering::Relaxed);
        }
    }

    fn note_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    fn known(&self, attempt: Attempt, now: u64) -> Option<(u64, Arc<Pair>)> {
        let key = attempt.pair?;
        let pair = self.pairs.get(&key)?;
        (pair.known_until.load(Ordering::Relaxed) > now).then_some((key, pair))
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.began);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Returns the number of counters of each kind.
    fn entries(&self) -> [(Kind, u64); 3] {
        self.addresses.run_pending_tasks();
        self.users.run_pending_tasks();
        self.pairs.run_pending_tasks();
        [
            (Kind::Address, self.addresses.entry_count()),
            (Kind::User, self.users.entry_count()),
            (Kind::Pair, self.pairs.entry_count()),
        ]
    }
}

/// Returns whether a denial is a failed attempt.
///
/// An attempt that ran out of time counts, although the host may be slow for other reasons:
/// otherwise a client could have password hashes computed without end, if only each took too long.
const fn is_failure(class: DenialClass) -> bool {
    matches!(
        class,
        DenialClass::IdentityRejected
            | DenialClass::PolicyDenied
            | DenialClass::EndOfChain
            | DenialClass::Deadline
            | DenialClass::PolicyDeadline
    )
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::User => "user",
            Self::Pair => "pair",
        }
    }

    const fn of_whom(self) -> &'static str {
        match self {
            Self::Address => "from the client's address",
            Self::User => "in a name of the login",
            Self::Pair => "in the names of the login from the client's address",
        }
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Throttle")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
