//! Which server is next, and after which wait.

use std::time::{Duration, Instant};

use async_nats::{ReconnectToServer, Server, ServerAddr};
use rand::seq::IndexedRandom as _;

/// The order in which a connection that was lost tries the servers it knows: each of them once and at once, the one that was
/// lost last; then, after a wait, all of them again. The wait spreads out those who lost the same server.
#[derive(Debug)]
pub(crate) struct Rota {
    wait: Duration,
    jitter: Duration,
    /// The server of the connection that is, or was last.
    current: Option<ServerAddr>,
    /// When that connection was made, until it is looked at.
    since: Option<Instant>,
    /// How many connections in a row did not last.
    flaps: u32,
    /// Whether a choice is due to be the first one, at once.
    first: Option<ServerAddr>,
    /// Those that this round has tried.
    tried: Vec<ServerAddr>,
    /// The choice whose outcome is not known yet, and how often that server had failed before.
    pending: Option<(ServerAddr, usize)>,
}

/// A connection that is as old as this, or as the wait, has lasted.
const LASTING: Duration = Duration::from_secs(1);

/// A server that could not be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Miss {
    /// Host and port.
    pub(crate) address: String,
    /// Why, if the client has noted it.
    pub(crate) error: Option<String>,
}

impl Rota {
    /// A rota that waits for `wait` and up to `jitter` more between rounds.
    pub(crate) const fn new(wait: Duration, jitter: Duration) -> Self {
        Self {
            wait,
            jitter,
            current: None,
            since: None,
            flaps: 0,
            first: None,
            tried: Vec::new(),
            pending: None,
        }
    }

    /// The next choice is `server`, at once.
    pub(crate) fn begin_with(&mut self, server: ServerAddr) {
        self.pending = None;
        self.first = Some(server);
    }

    /// The last choice could be reached.
    pub(crate) fn reached(&mut self, now: Instant) {
        if let Some((server, _)) = self.pending.take() {
            self.current = Some(server);
        }
        self.tried.clear();
        self.since = Some(now);
    }

    /// The address of the connection that is, or was last.
    pub(crate) fn address(&self) -> Option<String> {
        self.current.as_ref().map(address)
    }

    /// The last choice, if it could not be reached; once for each.
    pub(crate) fn missed(&mut self, pool: &[Server]) -> Option<Miss> {
        let (server, failures) = self.pending.take()?;
        let noted = pool.iter().find(|other| other.addr == server);
        let error = noted
            .filter(|noted| noted.failed_attempts > failures)
            .and_then(|noted| noted.last_error.clone());
        Some(Miss {
            address: address(&server),
            error,
        })
    }

    /// The next server of `pool`, and how long to wait before it is tried; none if there is none.
    pub(crate) fn next(&mut self, pool: &[Server], now: Instant) -> Option<ReconnectToServer> {
        let chosen = self.first.take();
        let chosen = chosen.and_then(|first| pool.iter().find(|server| server.addr == first));
        let (chosen, delay) = match chosen {
            Some(chosen) => (chosen, Duration::ZERO),
            None => self.in_turn(pool, now)?,
        };
        self.tried.push(chosen.addr.clone());
        self.pending = Some((chosen.addr.clone(), chosen.failed_attempts));
        Some(ReconnectToServer {
            addr: chosen.addr.clone(),
            delay: Some(delay),
        })
    }

    fn in_turn<'a>(&mut self, pool: &'a [Server], now: Instant) -> Option<(&'a Server, Duration)> {
        if let Some(since) = self.since.take() {
            let lasted = now.saturating_duration_since(since) >= self.wait.min(LASTING);
            self.flaps = if lasted {
                0
            } else {
                self.flaps.saturating_add(1)
            };
        }
        // A server that takes connections and drops them is not asked for one after the other.
        let mut wait = self.tried.is_empty() && self.flaps > 1;
        if pool.iter().all(|server| self.tried.contains(&server.addr)) {
            self.tried.clear();
            wait = true;
        }
        let left = pool
            .iter()
            .filter(|server| !self.tried.contains(&server.addr));
        let (lost, others): (Vec<_>, Vec<_>) =
            left.partition(|server| Some(&server.addr) == self.current.as_ref());
        let random = &mut rand::rng();
        let chosen = others.choose(random).or_else(|| lost.first()).copied()?;
        let delay = if wait { self.pause() } else { Duration::ZERO };
        Some((chosen, delay))
    }

    /// The wait between rounds.
    fn pause(&self) -> Duration {
        let jitter = rand::random_range(Duration::ZERO..=self.jitter);
        self.wait.saturating_add(jitter)
    }
}

/// Host and port. Addresses may hold a password elsewhere.
pub(crate) fn address(server: &ServerAddr) -> String {
    let (host, port) = (server.host(), server.port());
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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

    /// A rota that has been connected to `current` for an hour; the time now.
    fn connected(current: &str) -> (Rota, Instant) {
        let mut rota = Rota::new(WAIT, JITTER);
        let then = Instant::now();
        rota.begin_with(current.parse().unwrap());
        rota.next(&pool(&["a", "b", "c"]), then).unwrap();
        rota.reached(then);
        assert_eq!(rota.address(), Some(format!("{current}:4222")));
        (rota, then + Duration::from_hours(1))
    }

    fn choices(
        rota: &mut Rota,
        pool: &[Server],
        now: Instant,
        count: usize,
    ) -> Vec<(String, Duration)> {
        (0..count)
            .map(|_| rota.next(pool, now).unwrap())
            .map(|next| (next.addr.host().to_owned(), next.delay.unwrap()))
            .collect()
    }

    #[test]
    fn the_others_are_tried_at_once_and_the_lost_one_last() {
        for _ in 0..20 {
            let (mut rota, now) = connected("b");
            let round = choices(&mut rota, &pool(&["a", "b", "c"]), now, 3);
            assert!(round.iter().all(|(_, delay)| delay.is_zero()), "{round:?}");
            assert_eq!(round[2].0, "b");
            let tried: BTreeSet<_> = round.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(tried, BTreeSet::from(["a", "b", "c"]));
        }
    }

    #[test]
    fn every_further_round_begins_with_a_wait() {
        let (mut rota, now) = connected("a");
        let pool = pool(&["a", "b"]);
        for round in 0..20 {
            let delays: Vec<_> = choices(&mut rota, &pool, now, 2)
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
        let (mut rota, now) = connected("a");
        let waits: BTreeSet<_> = choices(&mut rota, &pool(&["a"]), now, 20)
            .into_iter()
            .map(|c| c.1)
            .collect();
        assert!(waits.len() > 15, "{waits:?}");
    }

    #[test]
    fn without_jitter_the_wait_is_exact() {
        let mut rota = Rota::new(WAIT, Duration::ZERO);
        let delays = choices(&mut rota, &pool(&["a"]), Instant::now(), 3);
        assert_eq!(
            delays.iter().map(|c| c.1).collect::<Vec<_>>(),
            [Duration::ZERO, WAIT, WAIT]
        );
    }

    #[test]
    fn a_second_connection_in_a_row_that_did_not_last_is_followed_by_a_wait() {
        let (mut rota, now) = connected("a");
        let pool = pool(&["a", "b"]);
        let mut delay_after = |lasted| {
            rota.reached(now);
            rota.next(&pool, now + lasted).unwrap().delay.unwrap()
        };
        assert!(delay_after(WAIT).is_zero());
        assert!(delay_after(WAIT / 2).is_zero());
        assert!(delay_after(WAIT / 2) >= WAIT);
        assert!(delay_after(WAIT / 2) >= WAIT);
        assert!(delay_after(WAIT).is_zero());
    }

    #[test]
    fn servers_that_are_discovered_meanwhile_are_tried_in_the_same_round() {
        let (mut rota, now) = connected("a");
        assert_eq!(choices(&mut rota, &pool(&["a"]), now, 1)[0].0, "a");
        let next = &choices(&mut rota, &pool(&["a", "b"]), now, 1)[0];
        assert_eq!(next, &("b".to_owned(), Duration::ZERO));
    }

    #[test]
    fn a_miss_is_told_once_with_its_error() {
        let (mut rota, now) = connected("a");
        let mut pool = pool(&["a"]);
        assert_eq!(rota.missed(&pool), None);
        rota.next(&pool, now).unwrap();
        pool[0].failed_attempts = 1;
        pool[0].last_error = Some("refused".to_owned());
        let miss = Miss {
            address: "a:4222".to_owned(),
            error: Some("refused".to_owned()),
        };
        assert_eq!(rota.missed(&pool), Some(miss));
        assert_eq!(rota.missed(&pool), None);
        // Its name could not be resolved, which the client does not note: the old error is not repeated.
        rota.next(&pool, now).unwrap();
        assert_eq!(rota.missed(&pool).unwrap().error, None);
    }

    #[test]
    fn an_empty_pool_has_no_next_server() {
        assert!(Rota::new(WAIT, JITTER).next(&[], Instant::now()).is_none());
    }

    #[test]
    fn addresses_are_host_and_port() {
        for (url, expected) in [
            ("nats://user:hunter2@example.com", "example.com:4222"),
            ("tls://[::1]:4333", "[::1]:4333"),
        ] {
            assert_eq!(address(&url.parse().unwrap()), expected);
        }
    }
}
