//! Throttle: rejects clients with too many failed attempts before any signature or password work.
//!
//! The throttle counts failures per source address, and per name whose secret a client can guess,
//! in leaky buckets. An attempt counts from its admission on, unless it succeeds. If a login
//! succeeded from an address before, failures of other clients at that address or with that name do
//! not affect it. `docs/design/how-are-guesses-slowed-down.md` says why.

mod admission;
mod attempt;
mod bucket;
mod counter;
mod keys;
mod kind;
mod summary;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use portcullis_core::{Client, Sample, SourceNetwork};
use portcullis_environment::{Clock, SystemClock};
use portcullis_identity::Claimant;
use tokio::sync::Semaphore;

pub(crate) use self::admission::{AdmittedAttempt, Refusal};
pub(crate) use self::attempt::Attempt;
use self::bucket::{Bucket, Rate};
use self::counter::{Counter, MAX_WAITING};
use self::keys::Keys;
use self::kind::Kind;
use self::summary::Summary;

/// Time for which the throttle remembers that the names of a login succeeded at an address. Long,
/// because connections last long.
const KNOWN_FOR: Duration = Duration::from_hours(7 * 24);

/// The limits on failed attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottleOptions {
    /// Maximum number of failures of an address at once, of an IPv6 client's /64. 0 means no limit.
    /// Default: 300.
    pub address_failures: u32,
    /// Maximum number of failures of a name whose secret a client can guess, and of a known login
    /// at an address. 0 means no limit. Default: 30.
    pub user_failures: u32,
    /// Time in which a full bucket drains. Default: 1 min.
    pub per: Duration,
    /// Networks whose addresses are not counted, because many clients share an address. Names are
    /// counted there too. Default: empty.
    pub exempt_networks: Vec<SourceNetwork>,
    /// Maximum number of remembered addresses, of names, and of pairs of both, each. Default:
    /// 65,536.
    pub max_entries: u64,
}

/// The failed attempts of addresses and names. It reads the time from `C`.
pub struct Throttle<C = SystemClock> {
    options: ThrottleOptions,
    clock: C,
    keys: Keys,
    began: Instant,
    limits: ArcSwap<Limits>,
    addresses: Cache<u64, Arc<Bucket>>,
    users: Cache<u64, Arc<Bucket>>,
    pairs: Cache<u64, Arc<Pair>>,
    /// The places of attempts that wait for room, or have waited and are being decided.
    waiting_room: Arc<Semaphore>,
    failures: AtomicU64,
    summary: Summary,
}

/// The limits that can be replaced while the host runs.
#[derive(Debug)]
struct Limits {
    address_rate: Option<Rate>,
    user_rate: Option<Rate>,
    exempt_networks: Vec<SourceNetwork>,
}

/// An address and the names that logged in from there together.
#[derive(Debug, Default)]
struct Pair {
    bucket: Arc<Bucket>,
    /// The end of the time for which the pair is known, in nanoseconds since the throttle began.
    known_until: AtomicU64,
}

impl Default for ThrottleOptions {
    /// Returns limits of 300 failures an address and 30 a user, each in one minute.
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

impl<C> Throttle<C> {
    /// Returns the attempt of `client`, whose login carries the names of `claimant`.
    pub(crate) fn attempt(&self, client: &Client, claimant: &Claimant<'_>) -> Attempt {
        let address = client.address().map(|address| address.to_canonical());
        let exempt = |address| {
            let limits = self.limits.load();
            let mut networks = limits.exempt_networks.iter();
            networks.any(|network| network.contains(address))
        };
        let source = address.map(|address| self.keys.of_address(address));
        let key_of = |kind, name: Option<&str>| name.map(|name| self.keys.of_name(kind, name));
        let guessed = [
            key_of("user", claimant.user.as_deref()),
            key_of("token", claimant.token.as_deref()),
        ];
        let others = [
            key_of("key", claimant.key.as_deref()),
            key_of("subject", claimant.subject.as_deref()),
            key_of("certificate", claimant.certificate.as_deref()),
        ];
        Attempt {
            address: source.filter(|_| !address.is_some_and(exempt)),
            guessed,
            pair: source.map(|source| self.keys.of_pair(source, guessed, others)),
        }
    }
}

impl<C: Clock> Throttle<C> {
    /// Creates a throttle without failures.
    pub(crate) fn new(options: ThrottleOptions, clock: C) -> Self {
        // The cache evicts the least frequently used keys, so that invented names and addresses do
        // not evict others.
        let counting = || {
            Cache::builder()
                .max_capacity(options.max_entries)
                // A bucket that was idle for this time is empty.
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
            began: clock.now(),
            clock,
            limits: ArcSwap::from_pointee(Limits::new(&options, options.per)),
            addresses: counting(),
            users: counting(),
            pairs,
            waiting_room: Arc::new(Semaphore::new(MAX_WAITING)),
            failures: AtomicU64::new(0),
            summary: Summary::default(),
            options,
        }
    }

    /// Replaces the numbers of failures and the exempt networks. A full bucket stays full, and
    /// drains by the new number. The time in which it drains and the number of entries stay,
    /// because the memory depends on them.
    pub fn replace_limits(&self, options: &ThrottleOptions) {
        self.limits
            .store(Arc::new(Limits::new(options, self.options.per)));
    }

    /// Returns the number of failed attempts and of entries as metrics.
    pub fn samples(&self) -> Vec<Sample> {
        let failures = self.failures.load(Ordering::Relaxed);
        let help = "Failed attempts: logins denied as identity-rejected, proof-rejected, policy-denied, end-of-chain, \
                    deadline or policy-deadline";
        let mut samples = vec![Sample::counter("failed_attempts", help, failures)];
        for (kind, count) in self.entries() {
            let help = "Addresses, users and pairs of both that are remembered for throttling";
            let sample = Sample::whole("throttle_entries", help, count);
            samples.push(sample.with("kind", kind.as_str()));
        }
        samples
    }

    /// Logs the number of logins that were throttled since the last call.
    pub fn write_summary(&self) {
        self.summary.write();
    }

    /// Returns the buckets in which the attempt needs room: that of the pair if it is known, else
    /// all others.
    fn counters(&self, attempt: Attempt, now: u64) -> Vec<Counter> {
        let limits = self.limits.load();
        if let Some((key, pair)) = self.known(attempt, now) {
            let counter = limits.user_rate.map(|rate| Counter {
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
                rate: limits.user_rate?,
                bucket: self.users.get_with(key, Arc::default),
            })
        });
        let address = self.address_counter(attempt, &limits);
        address.into_iter().chain(names).collect()
    }

    /// Returns the bucket of the attempt's address. `None` if addresses, or this one, are not
    /// counted.
    fn address_counter(&self, attempt: Attempt, limits: &Limits) -> Option<Counter> {
        let (key, rate) = attempt.address.zip(limits.address_rate)?;
        Some(Counter {
            kind: Kind::Address,
            key,
            rate,
            bucket: self.addresses.get_with(key, Arc::default),
        })
    }

    fn note_success(&self, attempt: Attempt, now: u64) {
        let limits = self.limits.load();
        if let (Some(key), Some(_)) = (attempt.pair, limits.user_rate.or(limits.address_rate)) {
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

    /// Returns the time since the throttle began, in nanoseconds.
    fn now(&self) -> u64 {
        let elapsed = self.clock.elapsed(self.began);
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

impl Limits {
    fn new(options: &ThrottleOptions, per: Duration) -> Self {
        Self {
            address_rate: Rate::new(options.address_failures, per),
            user_rate: Rate::new(options.user_failures, per),
            exempt_networks: options.exempt_networks.clone(),
        }
    }
}

impl<C> fmt::Debug for Throttle<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Throttle")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
