//! Events that repeat: the first is reported at once, the others are counted until a summary.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The repetitions of events, by key: what a log says at once, and what it sums up.
///
/// The number of keys is limited, so that a peer that invents keys cannot fill memory or a log.
///
/// ```
/// use std::time::Instant;
///
/// use portcullis_core::{Repeats, Report};
///
/// let refusals = Repeats::summed_up_regularly(1024);
/// assert_eq!(refusals.record("a", Instant::now(), || "first of a"), Report::First);
/// assert_eq!(refusals.record("a", Instant::now(), || "second of a"), Report::Nothing);
/// // At a regular interval:
/// assert_eq!(refusals.take_summaries().by_key, [("first of a", 1)]);
/// ```
#[derive(Debug)]
pub struct Repeats<K, V = ()> {
    max_keys: usize,
    schedule: Schedule,
    state: Mutex<State<K, V>>,
}

/// What to report about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The event itself: its key is new.
    First,
    /// The number of events with its key since the last report.
    Summary(u64),
    /// Nothing: no report is due.
    Nothing,
}

/// The events that were counted since the last summaries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summaries<V> {
    /// For each key with events, the value of its first event and the number of events.
    pub by_key: Vec<(V, u64)>,
    /// The number of events whose key found no room.
    pub others: u64,
}

/// The time of summaries, and the key that makes room.
#[derive(Clone, Copy, Debug)]
enum Schedule {
    /// The owner takes all summaries at a regular interval. Keys that find no room are counted
    /// together.
    Regular,
    /// An event is also the occasion for the summary of its key. The key that was silent for
    /// longest makes room.
    BackOff {
        first: Duration,
        max: Duration,
        forget_after: Duration,
    },
}

#[derive(Debug)]
struct State<K, V> {
    known: HashMap<K, Known<V>>,
    /// The events whose key found no room.
    others: u64,
}

#[derive(Debug)]
struct Known<V> {
    value: V,
    /// The number of events since the last report.
    count: u64,
    /// `true` until the first call of `take_summaries` after the first event.
    is_new: bool,
    reported_at: Instant,
    seen_at: Instant,
    /// The time between the last report and the next summary, with a back-off.
    wait: Duration,
}

impl<K: Clone + Eq + Hash, V: Clone> Repeats<K, V> {
    /// Creates a record of up to `max_keys` keys whose owner calls
    /// [`take_summaries`](Self::take_summaries) at a regular interval. A key is forgotten after an
    /// interval without events.
    pub fn summed_up_regularly(max_keys: usize) -> Self {
        Self::new(max_keys, Schedule::Regular)
    }

    /// Creates a record of up to `max_keys` keys, each summed up by [`record`](Self::record) at
    /// intervals that double from `first` to `max`. A key is forgotten after `forget_after` without
    /// events.
    pub fn summed_up_with_back_off(
        max_keys: usize,
        first: Duration,
        max: Duration,
        forget_after: Duration,
    ) -> Self {
        let schedule = Schedule::BackOff {
            first,
            max,
            forget_after,
        };
        Self::new(max_keys, schedule)
    }

    fn new(max_keys: usize, schedule: Schedule) -> Self {
        Self {
            max_keys,
            schedule,
            state: Mutex::new(State {
                known: HashMap::new(),
                others: 0,
            }),
        }
    }

    /// Records an event with `key` at the time `now` and returns what to report about it. Calls
    /// `value` if the key is new.
    pub fn record(&self, key: K, now: Instant, value: impl FnOnce() -> V) -> Report {
        let mut state = self.state.lock();
        if let Some(known) = state.known.get_mut(&key)
            && !self.schedule.is_forgotten(known, now)
        {
            return self.schedule.repeat(known, now);
        }
        if !state.known.contains_key(&key) && state.known.len() >= self.max_keys {
            match self.schedule {
                Schedule::Regular => {
                    state.others = state.others.saturating_add(1);
                    return Report::Nothing;
                }
                Schedule::BackOff { .. } => state.remove_oldest(),
            }
        }
        let known = Known {
            value: value(),
            count: 0,
            is_new: true,
            reported_at: now,
            seen_at: now,
            wait: self.schedule.first_wait(),
        };
        state.known.insert(key, known);
        Report::First
    }

    /// Takes the number of events since the last call, and forgets keys without any.
    pub fn take_summaries(&self) -> Summaries<V> {
        let mut state = self.state.lock();
        let mut by_key = Vec::new();
        state.known.retain(|_, known| {
            let count = std::mem::take(&mut known.count);
            if count > 0 {
                by_key.push((known.value.clone(), count));
            }
            std::mem::take(&mut known.is_new) || count > 0
        });
        Summaries {
            by_key,
            others: std::mem::take(&mut state.others),
        }
    }

    /// Forgets all keys.
    pub fn clear(&self) {
        self.state.lock().known.clear();
    }
}

impl Schedule {
    const fn first_wait(self) -> Duration {
        match self {
            Self::Regular => Duration::MAX,
            Self::BackOff { first, .. } => first,
        }
    }

    fn is_forgotten<V>(self, known: &Known<V>, now: Instant) -> bool {
        match self {
            Self::Regular => false,
            Self::BackOff { forget_after, .. } => {
                now.saturating_duration_since(known.seen_at) >= forget_after
            }
        }
    }

    /// Counts an event with a known key.
    fn repeat<V>(self, known: &mut Known<V>, now: Instant) -> Report {
        known.seen_at = now;
        known.count = known.count.saturating_add(1);
        match self {
            Self::BackOff { max, .. }
                if now.saturating_duration_since(known.reported_at) >= known.wait =>
            {
                known.reported_at = now;
                known.wait = known.wait.saturating_mul(2).min(max);
                Report::Summary(std::mem::take(&mut known.count))
            }
            Self::Regular | Self::BackOff { .. } => Report::Nothing,
        }
    }
}

impl<K: Clone + Eq + Hash, V> State<K, V> {
    /// Removes the key that was silent for longest.
    fn remove_oldest(&mut self) {
        let oldest = self.known.iter().min_by_key(|(_, known)| known.seen_at);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.known.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(10);
    const MAX: Duration = Duration::from_secs(30);
    const FORGET_AFTER: Duration = Duration::from_mins(1);
    const MAX_KEYS: usize = 4;

    fn with_back_off() -> Repeats<String> {
        Repeats::summed_up_with_back_off(MAX_KEYS, FIRST, MAX, FORGET_AFTER)
    }

    #[test]
    fn a_repeated_event_is_reported_once_and_then_at_growing_intervals() {
        let (repeats, start) = (with_back_off(), Instant::now());
        let record = |seconds| {
            let now = start + Duration::from_secs(seconds);
            repeats.record("refused".to_owned(), now, || ())
        };
        let reports: Vec<_> = (0..91).map(record).collect();
        assert_eq!(reports[0], Report::First);
        let summaries: Vec<_> = reports
            .iter()
            .enumerate()
            .filter(|(_, report)| matches!(report, Report::Summary(_)))
            .collect();
        assert_eq!(
            summaries,
            [
                (10, &Report::Summary(10)),
                (30, &Report::Summary(20)),
                (60, &Report::Summary(30)),
                (90, &Report::Summary(30)),
            ]
        );
    }

    #[test]
    fn an_event_with_another_key_and_one_after_a_silence_are_first() {
        let (repeats, start) = (with_back_off(), Instant::now());
        let record = |key: &str, at| repeats.record(key.to_owned(), at, || ());
        assert_eq!(record("a", start), Report::First);
        assert_eq!(record("b", start), Report::First);
        assert_eq!(record("a", start), Report::Nothing);
        assert_eq!(record("a", start + FORGET_AFTER), Report::First);
        repeats.clear();
        assert_eq!(record("a", start + FORGET_AFTER), Report::First);
    }

    #[test]
    fn with_a_back_off_the_key_that_was_silent_for_longest_makes_room() {
        let (repeats, start) = (with_back_off(), Instant::now());
        let record = |number: u64| {
            let now = start + Duration::from_millis(number);
            repeats.record(format!("trouble {number}"), now, || ())
        };
        for number in 0..1000 {
            assert_eq!(record(number), Report::First);
        }
        assert_eq!(repeats.state.lock().known.len(), MAX_KEYS);
        assert_eq!(record(999), Report::Nothing);
    }

    #[test]
    fn the_first_event_of_a_key_is_reported_and_the_others_are_summed_up() {
        let (repeats, now) = (Repeats::summed_up_regularly(MAX_KEYS), Instant::now());
        let record = |key, value| repeats.record(key, now, || value);
        assert_eq!(record(1, "a"), Report::First);
        assert_eq!(repeats.take_summaries(), Summaries::default());
        // No whole interval has passed since the first event.
        assert_eq!(record(1, "b"), Report::Nothing);
        assert_eq!(record(2, "c"), Report::First);
        assert_eq!(repeats.take_summaries().by_key, [("a", 1)]);
        assert_eq!(repeats.take_summaries(), Summaries::default());
        assert_eq!(record(1, "d"), Report::First, "after a silent interval");
    }

    #[test]
    fn keys_without_room_are_summed_up_together() {
        let (repeats, now) = (Repeats::summed_up_regularly(MAX_KEYS), Instant::now());
        for key in 0..10 {
            repeats.record(key, now, || ());
        }
        assert_eq!(repeats.state.lock().known.len(), MAX_KEYS);
        assert_eq!(repeats.take_summaries().others, 6);
        assert_eq!(repeats.take_summaries().others, 0);
    }
}
