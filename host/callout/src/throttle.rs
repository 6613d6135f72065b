//! Throttle: too many failed attempts, and the next is not even looked at.
//!
//! Failures are counted per source address and per user, in leaky buckets. Who has lately logged in from an address is not held up
//! by what others do there or in that name. Why so: `docs/design/how-are-guesses-slowed-down.md`.

mod bucket;
mod keys;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use portcullis_core::{Client, Denial, DenialClass, Outcome, SourceNetwork};
use portcullis_identity::Claimant;

use self::bucket::{Bucket, Rate};
use self::keys::Keys;
use crate::sample::Sample;

/// How long after a successful login its address and user are known together. Connections last long, and so does what is known.
const KNOWN_FOR: Duration = Duration::from_hours(7 * 24);

/// How many failed attempts are too many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottleOptions {
    /// How many failures an address may have at once, an IPv6 client by its /64; 0 is any number.
    pub address_failures: u32,
    /// How many a user may have, and how many who is known at an address; 0 is any number.
    pub user_failures: u32,
    /// How long it takes until as many have been forgotten.
    pub per: Duration,
    /// Networks whose addresses are not counted, because many clients share one. Users are, wherever they come from.
    pub exempt_networks: Vec<SourceNetwork>,
    /// Most addresses, most users and most pairs of both that are remembered.
    pub max_entries: u64,
}

/// Who has failed how often.
pub struct Throttle {
    options: ThrottleOptions,
    keys: Keys,
    began: Instant,
    address_rate: Option<Rate>,
    user_rate: Option<Rate>,
    addresses: Cache<u64, Arc<Bucket>>,
    users: Cache<u64, Arc<Bucket>>,
    pairs: Cache<u64, Arc<Pair>>,
    failures: AtomicU64,
}

/// An address and a user that have lately logged in together.
#[derive(Debug, Default)]
struct Pair {
    bucket: Bucket,
    /// In nanoseconds since the throttle began.
    known_until: AtomicU64,
}

/// One login, as far as it is counted. Holds no name and no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    address: Option<u64>,
    user: Option<u64>,
    pair: Option<u64>,
}

/// What has had too many failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Address,
    User,
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
    /// A throttle that knows of no failures.
    pub fn new(options: ThrottleOptions) -> Self {
        // Of what is seldom seen the rarest goes first: names and addresses that somebody makes up push out no others.
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
            failures: AtomicU64::new(0),
            options,
        }
    }

    /// The numbers.
    pub fn samples(&self) -> Vec<Sample> {
        let failures = self.failures.load(Ordering::Relaxed);
        let help =
            "Failed attempts: logins denied as identity-rejected, policy-denied or end-of-chain";
        let mut samples = vec![Sample::counter("failed_attempts", help, failures)];
        for (kind, count) in self.entries() {
            let help = "Addresses, users and pairs of both that are remembered for throttling";
            let sample = Sample::whole("throttle_entries", help, count);
            samples.push(sample.with("kind", kind.as_str()));
        }
        samples
    }

    /// A login of `client`, which says that it is `claimant`.
    pub(crate) fn attempt(&self, client: &Client, claimant: &Claimant<'_>) -> Attempt {
        let address = client.address().map(|address| address.to_canonical());
        let exempt = |address| {
            let mut networks = self.options.exempt_networks.iter();
            networks.any(|network| network.contains(address))
        };
        let source = address.map(|address| self.keys.of_address(address));
        // Tokens are not counted, but who has one is known by it.
        let (user, known_by) = match claimant {
            Claimant::User(user) => {
                let key = self.keys.of_user(user);
                (Some(key), Some(key))
            }
            Claimant::Token(token) => (None, Some(self.keys.of_token(token))),
            Claimant::Nobody => (None, None),
        };
        Attempt {
            address: source.filter(|_| !address.is_some_and(exempt)),
            user,
            pair: source.zip(known_by).map(|both| self.keys.of_pair(both)),
        }
    }

    /// Whether the attempt may go on.
    ///
    /// # Errors
    ///
    /// A denial as [`DenialClass::Throttled`].
    pub(crate) fn admit(
        &self,
        attempt: Attempt,
        client: &Client,
        now: Instant,
    ) -> Result<(), Denial> {
        let now = self.nanoseconds(now);
        if let Some(pair) = self.known(attempt, now) {
            return self.admit_by(Kind::Pair, Some(&pair.bucket), client, now);
        }
        let address = attempt.address.and_then(|key| self.addresses.get(&key));
        self.admit_by(Kind::Address, address.as_deref(), client, now)?;
        let user = attempt.user.and_then(|key| self.users.get(&key));
        self.admit_by(Kind::User, user.as_deref(), client, now)
    }

    /// Notes what came of an attempt that was admitted.
    pub(crate) fn note(&self, attempt: Attempt, outcome: &Outcome, now: Instant) {
        let now = self.nanoseconds(now);
        match outcome {
            Outcome::Permit(_) => self.note_success(attempt, now),
            Outcome::Deny(denial) if is_failure(denial.class) => self.note_failure(attempt, now),
            Outcome::Deny(_) => {}
        }
    }

    fn note_success(&self, attempt: Attempt, now: u64) {
        if let (Some(key), Some(_)) = (attempt.pair, self.user_rate.or(self.address_rate)) {
            let pair = self.pairs.get_with(key, Arc::default);
            let known_for = u64::try_from(KNOWN_FOR.as_nanos()).unwrap_or(u64::MAX);
            let until = now.saturating_add(known_for);
            pair.known_until.fetch_max(until, Ordering::Relaxed);
        }
    }

    fn note_failure(&self, attempt: Attempt, now: u64) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        if let Some(pair) = self.known(attempt, now) {
            if let Some(rate) = self.user_rate {
                pair.bucket.fill(rate, now);
            }
            return;
        }
        let counted = [
            (attempt.address, self.address_rate, &self.addresses),
            (attempt.user, self.user_rate, &self.users),
        ];
        for (key, rate, buckets) in counted {
            if let (Some(key), Some(rate)) = (key, rate) {
                buckets.get_with(key, Arc::default).fill(rate, now);
            }
        }
    }

    fn known(&self, attempt: Attempt, now: u64) -> Option<Arc<Pair>> {
        let pair = self.pairs.get(&attempt.pair?)?;
        (pair.known_until.load(Ordering::Relaxed) > now).then_some(pair)
    }

    fn admit_by(
        &self,
        kind: Kind,
        bucket: Option<&Bucket>,
        client: &Client,
        now: u64,
    ) -> Result<(), Denial> {
        let rate = match kind {
            Kind::Address => self.address_rate,
            Kind::User | Kind::Pair => self.user_rate,
        };
        let Some((bucket, rate)) = bucket.zip(rate) else {
            return Ok(());
        };
        let Some(wait) = bucket.wait(rate, now) else {
            return Ok(());
        };
        if bucket.is_first_refusal(rate, now) {
            tracing::warn!(
                throttle.kind = kind.as_str(),
                client.host = client.host.as_deref(),
                client.user = client.user.as_deref(),
                "logins are throttled: too many attempts have failed"
            );
        }
        let reason = format!(
            "too many attempts {} have failed; the next is looked at in {} ms",
            kind.of_whom(),
            wait.as_millis().saturating_add(1)
        );
        Err(Denial::new(DenialClass::Throttled, reason))
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.began);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }

    /// How many of each kind are remembered.
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

/// What is somebody's attempt that failed, and no fault of the host's or of a policy's.
const fn is_failure(class: DenialClass) -> bool {
    matches!(
        class,
        DenialClass::IdentityRejected | DenialClass::PolicyDenied | DenialClass::EndOfChain
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
            Self::User => "in the user's name",
            Self::Pair => "in the user's name from the client's address",
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
