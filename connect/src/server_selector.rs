//! The selection of the next server, and the wait before the attempt.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{ReconnectToServer, Server, ServerAddr};
use portcullis_environment::{Randomness, Rng};
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;

use crate::shown::address;

/// A selector of servers for a lost connection.
///
/// A round tries every known server once, without a wait, and the lost one last. Each further round
/// begins with a wait, whose jitter spreads out the clients of a lost server.
pub(crate) struct ServerSelector {
    wait: Duration,
    jitter: Duration,
    randomness: Arc<dyn Randomness>,
    /// The server of the present or the last connection.
    current: Option<ServerAddr>,
    /// The time at which that connection was made, until the next selection takes it.
    since: Option<Instant>,
    /// The number of connections in a row that did not last.
    short_lived: u32,
    /// The server to select next, without a wait.
    first: Option<ServerAddr>,
    /// The servers that this round has tried.
    tried: Vec<ServerAddr>,
    /// The attempt without an outcome yet, and the number of the server's failed attempts before
    /// it.
    pending: Option<(ServerAddr, usize)>,
}

/// The minimum age of a lasting connection, unless the wait is shorter.
const LASTING: Duration = Duration::from_secs(1);

/// An attempt that did not reach its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailedAttempt {
    /// Host and port.
    pub(crate) address: String,
    /// The client library's reason, if it recorded one.
    pub(crate) error: Option<String>,
}

impl ServerSelector {
    /// Creates a selector that waits for `wait` and up to `jitter` more between rounds.
    pub(crate) fn new(wait: Duration, jitter: Duration, randomness: Arc<dyn Randomness>) -> Self {
        Self {
            wait,
            jitter,
            randomness,
            current: None,
            since: None,
            short_lived: 0,
            first: None,
            tried: Vec::new(),
            pending: None,
        }
    }

    /// Selects `server` next, without a wait.
    pub(crate) fn start_with(&mut self, server: ServerAddr) {
        self.pending = None;
        self.first = Some(server);
    }

    /// Selects the server of the present connection next, without a wait.
    pub(crate) fn stay(&mut self) {
        self.first.clone_from(&self.current);
    }

    /// Records that the selected server was reached.
    pub(crate) fn reached(&mut self, now: Instant) {
        if let Some((server, _)) = self.pending.take() {
            self.current = Some(server);
        }
        self.tried.clear();
        self.since = Some(now);
    }

    /// Returns the address of the present or the last connection.
    pub(crate) fn address(&self) -> Option<String> {
        self.current.as_ref().map(address)
    }

    /// Takes the last attempt if it failed. Returns each failure once.
    pub(crate) fn take_failure(&mut self, pool: &[Server]) -> Option<FailedAttempt> {
        let (server, failures) = self.pending.take()?;
        let noted = pool.iter().find(|other| other.addr == server);
        let error = noted
            .filter(|noted| noted.failed_attempts > failures)
            .and_then(|noted| noted.last_error.clone());
        Some(FailedAttempt {
            address: address(&server),
            error,
        })
    }

    /// Selects the next server of `pool` and the wait before it. Returns `None` for an empty pool.
    pub(crate) fn next(&mut self, pool: &[Server], now: Instant) -> Option<ReconnectToServer> {
        let chosen = self.first.take();
        let chosen = chosen.and_then(|first| pool.iter().find(|server| server.addr == first));
        let (chosen, delay) = match chosen {
            Some(chosen) => (chosen, Duration::ZERO),
            None => self.next_of_round(pool, now)?,
        };
        self.tried.push(chosen.addr.clone());
        self.pending = Some((chosen.addr.clone(), chosen.failed_attempts));
        Some(ReconnectToServer {
            addr: chosen.addr.clone(),
            delay: Some(delay),
        })
    }

    fn next_of_round<'a>(
        &mut self,
        pool: &'a [Server],
        now: Instant,
    ) -> Option<(&'a Server, Duration)> {
        if let Some(since) = self.since.take() {
            let lasted = now.saturating_duration_since(since) >= self.wait.min(LASTING);
            self.short_lived = if lasted {
                0
            } else {
                self.short_lived.saturating_add(1)
            };
        }
        // Without this wait, a server that accepts and drops connections is tried in a tight loop.
        let mut wait = self.tried.is_empty() && self.short_lived > 1;
        if pool.iter().all(|server| self.tried.contains(&server.addr)) {
            self.tried.clear();
            wait = true;
        }
        let left = pool
            .iter()
            .filter(|server| !self.tried.contains(&server.addr));
        let (lost, others): (Vec<_>, Vec<_>) =
            left.partition(|server| Some(&server.addr) == self.current.as_ref());
        let random = &mut Rng::new(&*self.randomness);
        let chosen = others.choose(random).or_else(|| lost.first()).copied()?;
        let delay = if wait {
            self.wait_between_rounds()
        } else {
            Duration::ZERO
        };
        Some((chosen, delay))
    }

    /// Returns the wait between rounds.
    fn wait_between_rounds(&self) -> Duration {
        let jitter = Rng::new(&*self.randomness).random_range(Duration::ZERO..=self.jitter);
        self.wait.saturating_add(jitter)
    }
}

/// Shows neither users nor passwords of servers.
impl fmt::Debug for ServerSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServerSelector")
            .field("current", &self.address())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use portcullis_environment::{SeededRandomness, SystemRandomness};

    use super::*;

    const WAIT: Duration = Duration::from_secs(1);
    const JITTER: Duration = Duration::from_secs(5);

    fn pool(names: &[&str]) -> Vec<Server> {
        let server = |name: &&str| Server {
            addr: name.parse().unwrap(),
            failed_attempts: 0,
            did_connect: false,
            is_discovered: false,
            last_error: None,
        };
        names.iter().map(server).collect()
    }

    fn selector(jitter: Duration) -> ServerSelector {
        ServerSelector::new(WAIT, jitter, Arc::new(SystemRandomness))
    }

    /// Returns a selector that has been connected to `current` for an hour, and the time now.
    fn connected(current: &str) -> (ServerSelector, Instant) {
        let mut selector = selector(JITTER);
        let then = Instant::now();
        selector.start_with(current.parse().unwrap());
        selector.next(&pool(&["a", "b", "c"]), then).unwrap();
        selector.reached(then);
        assert_eq!(selector.address(), Some(format!("{current}:4222")));
        (selector, then + Duration::from_hours(1))
    }

    fn choices(
        selector: &mut ServerSelector,
        pool: &[Server],
        now: Instant,
        count: usize,
    ) -> Vec<(String, Duration)> {
        (0..count)
            .map(|_| selector.next(pool, now).unwrap())
            .map(|next| (next.addr.host().to_owned(), next.delay.unwrap()))
            .collect()
    }

    #[test]
    fn a_planned_reconnect_is_to_the_same_server() {
        let (mut selector, now) = connected("b");
        selector.stay();
        let found = choices(&mut selector, &pool(&["a", "b", "c"]), now, 2);
        assert_eq!(found[0], ("b".to_owned(), Duration::ZERO));
        assert_ne!(found[1].0, "b", "another one follows if it is not reached");
    }

    #[test]
    fn the_others_are_tried_at_once_and_the_lost_one_last() {
        for _ in 0..20 {
            let (mut selector, now) = connected("b");
            let round = choices(&mut selector, &pool(&["a", "b", "c"]), now, 3);
            assert!(round.iter().all(|(_, delay)| delay.is_zero()), "{round:?}");
            assert_eq!(round[2].0, "b");
            let tried: BTreeSet<_> = round.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(tried, BTreeSet::from(["a", "b", "c"]));
        }
    }

    #[test]
    fn every_further_round_begins_with_a_wait() {
        let (mut selector, now) = connected("a");
        let pool = pool(&["a", "b"]);
        for round in 0..20 {
            let delays: Vec<_> = choices(&mut selector, &pool, now, 2)
                .into_iter()
                .map(|c| c.1)
                .collect();
            assert!(delays[1].is_zero(), "{delays:?}");
            if round == 0 {
                assert!(delays[0].is_zero(), "{delays:?}");
            } else {
                assert!((WAIT..=WAIT + JITTER).contains(&delays[0]), "{delays:?}");
            }
        }
    }

    #[test]
    fn waits_differ() {
        let (mut selector, now) = connected("a");
        let waits: BTreeSet<_> = choices(&mut selector, &pool(&["a"]), now, 20)
            .into_iter()
            .map(|c| c.1)
            .collect();
        assert!(waits.len() > 15, "{waits:?}");
    }

    #[test]
    fn a_seed_repeats_the_servers_and_the_waits() {
        let (pool, now) = (pool(&["a", "b", "c", "d"]), Instant::now());
        let chosen = |seed| {
            let randomness = Arc::new(SeededRandomness::new(seed));
            let mut selector = ServerSelector::new(WAIT, JITTER, randomness);
            choices(&mut selector, &pool, now, 40)
        };
        assert_eq!(chosen(7), chosen(7));
        assert_ne!(chosen(7), chosen(8));
    }

    #[test]
    fn without_jitter_the_wait_is_exact() {
        let mut selector = selector(Duration::ZERO);
        let delays = choices(&mut selector, &pool(&["a"]), Instant::now(), 3);
        assert_eq!(
            delays.iter().map(|c| c.1).collect::<Vec<_>>(),
            [Duration::ZERO, WAIT, WAIT]
        );
    }

    #[test]
    fn a_second_connection_in_a_row_that_did_not_last_is_followed_by_a_wait() {
        let (mut selector, now) = connected("a");
        let pool = pool(&["a", "b"]);
        let mut delay_after = |lasted| {
            selector.reached(now);
            selector.next(&pool, now + lasted).unwrap().delay.unwrap()
        };
        assert!(delay_after(WAIT).is_zero());
        assert!(delay_after(WAIT / 2).is_zero());
        assert!(delay_after(WAIT / 2) >= WAIT);
        assert!(delay_after(WAIT / 2) >= WAIT);
        assert!(delay_after(WAIT).is_zero());
    }

    #[test]
    fn servers_that_are_discovered_meanwhile_are_tried_in_the_same_round() {
        let (mut selector, now) = connected("a");
        assert_eq!(choices(&mut selector, &pool(&["a"]), now, 1)[0].0, "a");
        let next = &choices(&mut selector, &pool(&["a", "b"]), now, 1)[0];
        assert_eq!(next, &("b".to_owned(), Duration::ZERO));
    }

    #[test]
    fn a_failure_is_returned_once_with_its_error() {
        let (mut selector, now) = connected("a");
        let mut pool = pool(&["a"]);
        assert_eq!(selector.take_failure(&pool), None);
        selector.next(&pool, now).unwrap();
        pool[0].failed_attempts = 1;
        pool[0].last_error = Some("refused".to_owned());
        let failure = FailedAttempt {
            address: "a:4222".to_owned(),
            error: Some("refused".to_owned()),
        };
        assert_eq!(selector.take_failure(&pool), Some(failure));
        assert_eq!(selector.take_failure(&pool), None);
        // The client does not record a failed name look-up, so the old error must not be repeated.
        selector.next(&pool, now).unwrap();
        assert_eq!(selector.take_failure(&pool).unwrap().error, None);
    }

    #[test]
    fn an_empty_pool_has_no_next_server() {
        assert!(selector(JITTER).next(&[], Instant::now()).is_none());
    }
}
