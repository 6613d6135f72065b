//! Single flight of fetches: starts one at a time, rarely, and lets others wait for it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// The answer to a request for newer keys.
#[derive(Debug)]
pub(crate) enum Demand {
    /// Newer keys have just arrived.
    Changed,
    /// A fetch is in progress.
    Wait(Landing),
    /// A login caused a fetch within the cool-down.
    Refused,
}

/// The end of a fetch.
#[derive(Clone, Debug)]
pub(crate) struct Landing(watch::Receiver<()>);

impl Landing {
    /// Returns a fetch and its end. The fetch ends when the sender is dropped.
    pub(crate) fn new() -> (watch::Sender<()>, Self) {
        let (flight, landing) = watch::channel(());
        (flight, Self(landing))
    }

    /// Waits for the end of the fetch, successful or not.
    pub(crate) async fn wait(mut self) {
        while self.0.changed().await.is_ok() {}
    }

    fn has_ended(&self) -> bool {
        self.0.has_changed().is_err()
    }
}

/// The fetches of one issuer. INVARIANT: no code waits while it holds the lock.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Landing>,
    /// Time at which a login last caused a fetch.
    demanded: Option<Instant>,
}

impl Flights {
    /// Returns the fetch in progress, or starts one with `fly`.
    pub(crate) fn join(&self, fly: impl FnOnce() -> Landing) -> Landing {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.under_way().unwrap_or_else(|| state.start(fly))
    }

    /// Joins or starts a fetch for a login. Does not start one if the keys have changed since the
    /// login read them, or if a login caused a fetch during `cool_down`.
    pub(crate) fn demand(
        &self,
        now: Instant,
        cool_down: Duration,
        changed: impl FnOnce() -> bool,
        fly: impl FnOnce() -> Landing,
    ) -> Demand {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(landing) = state.under_way() {
            return Demand::Wait(landing);
        }
        // INVARIANT: this check follows that for a fetch in progress. A fetch that ended in between
        // has already changed the keys.
        if changed() {
            return Demand::Changed;
        }
        let elapsed = state
            .demanded
            .map(|last| now.saturating_duration_since(last));
        if elapsed.is_some_and(|elapsed| elapsed < cool_down) {
            return Demand::Refused;
        }
        state.demanded = Some(now);
        Demand::Wait(state.start(fly))
    }
}

impl State {
    fn under_way(&self) -> Option<Landing> {
        self.last.clone().filter(|last| !last.has_ended())
    }

    fn start(&mut self, fly: impl FnOnce() -> Landing) -> Landing {
        let landing = fly();
        self.last = Some(landing.clone());
        landing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOL_DOWN: Duration = Duration::from_secs(30);

    fn never() -> Landing {
        panic!("a fetch was started")
    }

    #[test]
    fn there_is_one_fetch_at_a_time_and_everybody_waits_for_it() {
        let flights = Flights::default();
        let now = Instant::now();
        let (flight, landing) = Landing::new();
        let first = flights.demand(now, COOL_DOWN, || false, || landing);
        let second = flights.demand(now, COOL_DOWN, || true, never);
        assert!(matches!(
            (first, second),
            (Demand::Wait(_), Demand::Wait(_))
        ));
        assert!(!flights.join(never).has_ended());
        drop(flight);
        let (_flight, next) = Landing::new();
        assert!(!flights.join(|| next).has_ended());
    }

    #[test]
    fn logins_cause_one_fetch_in_a_cool_down() {
        let flights = Flights::default();
        let start = Instant::now();
        let mut fetches = 0;
        for seconds in [0, 1, 29, 30, 31, 59, 61, 200] {
            let now = start + Duration::from_secs(seconds);
            let demand = flights.demand(
                now,
                COOL_DOWN,
                || false,
                || {
                    fetches += 1;
                    Landing::new().1
                },
            );
            let waits = matches!(demand, Demand::Wait(_));
            assert_eq!(waits, [0, 30, 61, 200].contains(&seconds), "{seconds}");
        }
        assert_eq!(fetches, 4);
    }

    #[test]
    fn the_timer_is_not_held_up_by_logins_nor_they_by_it() {
        let flights = Flights::default();
        let now = Instant::now();
        let ended = || Landing::new().1;
        assert!(flights.join(ended).has_ended());
        let demand = flights.demand(now, COOL_DOWN, || false, ended);
        assert!(matches!(demand, Demand::Wait(_)));
        assert!(flights.join(ended).has_ended());
    }

    #[test]
    fn who_looked_before_the_last_fetch_ended_looks_again() {
        let flights = Flights::default();
        let now = Instant::now();
        let ended = || Landing::new().1;
        assert!(matches!(
            flights.demand(now, COOL_DOWN, || false, ended),
            Demand::Wait(_)
        ));
        assert!(matches!(
            flights.demand(now, COOL_DOWN, || true, never),
            Demand::Changed
        ));
        assert!(matches!(
            flights.demand(now, COOL_DOWN, || false, never),
            Demand::Refused
        ));
    }
}
