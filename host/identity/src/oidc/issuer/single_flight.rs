//! Single flight of fetches: starts one at a time, rarely, and lets others wait for it.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;

/// The answer to a request for newer keys.
#[derive(Debug)]
pub(crate) enum Refresh {
    /// Newer keys have just arrived.
    Changed,
    /// A fetch is in progress.
    Wait(Fetch),
    /// A login caused a fetch within the cool-down.
    Refused,
}

/// The end of a fetch.
#[derive(Clone, Debug)]
pub(crate) struct Fetch(watch::Receiver<()>);

impl Fetch {
    /// Returns a fetch and its end. The fetch ends when the sender is dropped.
    pub(crate) fn new() -> (watch::Sender<()>, Self) {
        let (sender, fetch) = watch::channel(());
        (sender, Self(fetch))
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
pub(crate) struct SingleFlight(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Fetch>,
    /// Time at which a login last caused a fetch.
    requested_at: Option<Instant>,
}

impl SingleFlight {
    /// Returns the fetch in progress, or starts one with `start`.
    pub(crate) fn join(&self, start: impl FnOnce() -> Fetch) -> Fetch {
        let mut state = self.0.lock();
        state.under_way().unwrap_or_else(|| state.record(start))
    }

    /// Joins or starts a fetch for a login. Does not start one if the keys have changed since the
    /// login read them, or if a login caused a fetch during `cool_down`.
    pub(crate) fn request(
        &self,
        now: Instant,
        cool_down: Duration,
        changed: impl FnOnce() -> bool,
        start: impl FnOnce() -> Fetch,
    ) -> Refresh {
        let mut state = self.0.lock();
        if let Some(fetch) = state.under_way() {
            return Refresh::Wait(fetch);
        }
        // INVARIANT: this check follows that for a fetch in progress. A fetch that ended in between
        // has already changed the keys.
        if changed() {
            return Refresh::Changed;
        }
        let elapsed = state
            .requested_at
            .map(|last| now.saturating_duration_since(last));
        if elapsed.is_some_and(|elapsed| elapsed < cool_down) {
            return Refresh::Refused;
        }
        state.requested_at = Some(now);
        Refresh::Wait(state.record(start))
    }
}

impl State {
    fn under_way(&self) -> Option<Fetch> {
        self.last.clone().filter(|last| !last.has_ended())
    }

    fn record(&mut self, start: impl FnOnce() -> Fetch) -> Fetch {
        let fetch = start();
        self.last = Some(fetch.clone());
        fetch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOL_DOWN: Duration = Duration::from_secs(30);

    fn never() -> Fetch {
        panic!("a fetch was started")
    }

    #[test]
    fn one_fetch_runs_at_a_time_and_all_logins_wait_for_it() {
        let single_flight = SingleFlight::default();
        let now = Instant::now();
        let (sender, fetch) = Fetch::new();
        let first = single_flight.request(now, COOL_DOWN, || false, || fetch);
        let second = single_flight.request(now, COOL_DOWN, || true, never);
        assert!(matches!(
            (first, second),
            (Refresh::Wait(_), Refresh::Wait(_))
        ));
        assert!(!single_flight.join(never).has_ended());
        drop(sender);
        let (_sender, next) = Fetch::new();
        assert!(!single_flight.join(|| next).has_ended());
    }

    #[test]
    fn logins_cause_one_fetch_in_a_cool_down() {
        let single_flight = SingleFlight::default();
        let start = Instant::now();
        let mut fetches = 0;
        for seconds in [0, 1, 29, 30, 31, 59, 61, 200] {
            let now = start + Duration::from_secs(seconds);
            let refresh = single_flight.request(
                now,
                COOL_DOWN,
                || false,
                || {
                    fetches += 1;
                    Fetch::new().1
                },
            );
            let waits = matches!(refresh, Refresh::Wait(_));
            assert_eq!(waits, [0, 30, 61, 200].contains(&seconds), "{seconds}");
        }
        assert_eq!(fetches, 4);
    }

    #[test]
    fn the_timer_and_logins_do_not_delay_each_other() {
        let single_flight = SingleFlight::default();
        let now = Instant::now();
        let ended = || Fetch::new().1;
        assert!(single_flight.join(ended).has_ended());
        let refresh = single_flight.request(now, COOL_DOWN, || false, ended);
        assert!(matches!(refresh, Refresh::Wait(_)));
        assert!(single_flight.join(ended).has_ended());
    }

    #[test]
    fn a_login_that_read_the_keys_before_the_last_fetch_reads_them_again() {
        let single_flight = SingleFlight::default();
        let now = Instant::now();
        let ended = || Fetch::new().1;
        assert!(matches!(
            single_flight.request(now, COOL_DOWN, || false, ended),
            Refresh::Wait(_)
        ));
        assert!(matches!(
            single_flight.request(now, COOL_DOWN, || true, never),
            Refresh::Changed
        ));
        assert!(matches!(
            single_flight.request(now, COOL_DOWN, || false, never),
            Refresh::Refused
        ));
    }
}
