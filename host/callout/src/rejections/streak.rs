//! Permits that servers rejected consecutively for a reason that blames the host's keys or
//! accounts.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Time after which a permit counts as accepted unless a server has rejected it. Servers publish a
/// rejection within milliseconds.
const ACCEPTED_AFTER: Duration = Duration::from_secs(2);

/// Parts of reasons that blame the host's keys or accounts, in lower case, from `auth_callout.go`
/// of nats-server 2.10 to 2.15. The list excludes reasons that a single login or policy can cause.
const BLAMING: [&str; 7] = [
    "signing key is unknown",
    "is not the callout account",
    "wrong issuer for auth callout response",
    "not permitted as valid account",
    "no valid account",
    "user jwt issuer",
    "error decrypting auth callout response",
];

/// The last permits, with the rejections by servers.
#[derive(Debug)]
pub(super) struct Streak {
    /// The number of consecutive rejections after which the host is suspected.
    limit: usize,
    /// The number of permits so far.
    permits: u64,
    /// The numbers of the last rejected permits, `limit` at most.
    rejected: BTreeSet<u64>,
    /// The number and time of the oldest permit since the last acceptance or rejection that is
    /// still open.
    open: Option<(u64, Instant)>,
    /// The reason of the rejection that reached the limit, until a permit is accepted.
    suspicion: Option<Box<str>>,
}

impl Streak {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            // The upper bound limits memory. A limit of zero would suspect a host without a
            // rejection.
            limit: usize::try_from(limit).unwrap_or(usize::MAX).clamp(1, 4096),
            permits: 0,
            rejected: BTreeSet::new(),
            open: None,
            suspicion: None,
        }
    }

    /// Records a permit. Returns its number.
    pub(super) fn permitted(&mut self, now: Instant) -> u64 {
        self.settle(now);
        self.permits = self.permits.saturating_add(1);
        self.open.get_or_insert((self.permits, now));
        self.permits
    }

    /// Records that a server rejected the permit with this number. Returns whether the limit is
    /// reached, which the keeper must know.
    pub(super) fn rejected(&mut self, number: u64, reason: &str) -> bool {
        if self.open.is_some_and(|(open, _)| open == number) {
            self.open = None;
        }
        if !blames_host(reason) {
            return false;
        }
        self.rejected.insert(number);
        if self.rejected.len() > self.limit {
            self.rejected.pop_first();
        }
        let reached = self.reached();
        if reached && self.suspicion.is_none() {
            self.suspicion = Some(reason.into());
        }
        reached
    }

    /// Returns whether the last `limit` permits up to the last rejected one were all rejected.
    pub(super) fn reached(&self) -> bool {
        let (first, last) = (self.rejected.first(), self.rejected.last());
        let (Some(first), Some(last)) = (first, last) else {
            return false;
        };
        let in_a_row = usize::try_from(last.abs_diff(*first)).map_or(usize::MAX, |gap| gap + 1);
        self.rejected.len() >= self.limit && in_a_row == self.limit
    }

    /// Returns the reason of the rejections. `None` if the limit was not reached, or a permit was
    /// accepted since.
    pub(super) fn suspicion(&mut self, now: Instant) -> Option<Box<str>> {
        self.settle(now);
        self.suspicion.clone()
    }

    /// Resets the number of consecutive rejections to zero.
    pub(super) fn start_over(&mut self) {
        self.rejected.clear();
        self.open = None;
    }

    /// Ends the suspicion if a permit has had no rejection for [`ACCEPTED_AFTER`].
    fn settle(&mut self, now: Instant) {
        let accepted =
            |(_, at): (u64, Instant)| now.saturating_duration_since(at) >= ACCEPTED_AFTER;
        if self.open.is_some_and(accepted) {
            self.start_over();
            self.suspicion = None;
        }
    }
}

fn blames_host(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    BLAMING.iter().any(|part| reason.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN_KEY: &str = "Auth callout signing key is unknown";
    const OTHER: &str = "Authorized user on account \"AUTH\" outside of valid connect times";

    /// A host and the current time.
    struct Host {
        streak: Streak,
        now: Instant,
    }

    impl Host {
        fn new() -> Self {
            Self {
                streak: Streak::new(3),
                now: Instant::now(),
            }
        }

        /// Permits a login that the server rejects for `reason`, or accepts.
        fn permits(&mut self, reason: Option<&str>) {
            self.now += Duration::from_millis(10);
            let number = self.streak.permitted(self.now);
            if let Some(reason) = reason {
                self.streak.rejected(number, reason);
            }
        }

        fn is_suspected(&mut self) -> bool {
            self.streak.suspicion(self.now).is_some()
        }
    }

    #[test]
    fn a_host_whose_last_permits_were_all_rejected_is_suspected_until_one_is_accepted() {
        let mut host = Host::new();
        for _ in 0..2 {
            host.permits(Some(UNKNOWN_KEY));
        }
        assert!(!host.is_suspected());
        host.permits(Some("User JWT issuer \"A\" is not known"));
        assert!(host.is_suspected() && host.streak.reached());
        host.streak.start_over();
        assert!(!host.streak.reached(), "on trial");
        host.permits(Some(UNKNOWN_KEY));
        host.now += ACCEPTED_AFTER * 2;
        assert!(host.is_suspected(), "no permit was accepted");
        host.permits(None);
        assert!(host.is_suspected(), "the server may still reject it");
        host.now += ACCEPTED_AFTER;
        assert!(!host.is_suspected());
    }

    #[test]
    fn rejections_between_accepted_permits_do_not_count() {
        let mut host = Host::new();
        for _ in 0..1000 {
            host.permits(Some(UNKNOWN_KEY));
            host.permits(Some(UNKNOWN_KEY));
            host.permits(None);
            assert!(!host.is_suspected());
        }
    }

    #[test]
    fn rejections_of_single_logins_do_not_count() {
        let mut host = Host::new();
        for reason in [OTHER, "", "Error validating user JWT: x"] {
            for _ in 0..10 {
                host.permits(Some(reason));
            }
        }
        assert!(!host.is_suspected());
    }

    #[test]
    fn rejections_may_come_in_another_order_than_the_permits() {
        let mut host = Host::new();
        let numbers: Vec<_> = (0..4).map(|_| host.streak.permitted(host.now)).collect();
        for number in numbers.iter().rev() {
            host.streak.rejected(*number, UNKNOWN_KEY);
        }
        assert!(host.is_suspected());
    }
}
