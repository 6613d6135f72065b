//! Reports of trouble that repeats: once at once, then as a summary at a growing interval.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wait before the first summary; every further one comes after twice as long.
const FIRST_SUMMARY: Duration = Duration::from_secs(10);
/// Longest wait between two summaries.
const LONGEST_SUMMARY: Duration = Duration::from_mins(10);
/// Trouble that was away for so long is new when it comes back.
const FORGOTTEN: Duration = Duration::from_mins(1);
/// Most kinds of trouble remembered; the one that was away for longest makes room.
const MAX_REMEMBERED: usize = 64;

/// Trouble that was reported. Shared by the connections of one host, which have the same trouble at
/// the same time.
#[derive(Debug, Default)]
pub(crate) struct Repeats(Mutex<Vec<Known>>);

#[derive(Debug)]
struct Known {
    trouble: String,
    reported_at: Instant,
    seen_at: Instant,
    wait: Duration,
    unreported: u64,
}

/// What to say of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// Trouble that was not reported before.
    New,
    /// Number of times that known trouble has repeated since its last report.
    Summary(u64),
    /// No report is due.
    Nothing,
}

impl Repeats {
    /// Records that `trouble` happened at `now`; returns what to say of it.
    pub(crate) fn record(&self, trouble: String, now: Instant) -> Report {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| now.saturating_duration_since(known.seen_at) < FORGOTTEN);
        let Some(known) = all.iter_mut().find(|known| known.trouble == trouble) else {
            if all.len() >= MAX_REMEMBERED {
                let oldest = all
                    .iter()
                    .enumerate()
                    .min_by_key(|(_, known)| known.seen_at);
                if let Some((oldest, _)) = oldest {
                    all.swap_remove(oldest);
                }
            }
            all.push(Known {
                trouble,
                reported_at: now,
                seen_at: now,
                wait: FIRST_SUMMARY,
                unreported: 0,
            });
            return Report::New;
        };
        known.seen_at = now;
        known.unreported = known.unreported.saturating_add(1);
        if now.saturating_duration_since(known.reported_at) < known.wait {
            return Report::Nothing;
        }
        known.reported_at = now;
        known.wait = (known.wait * 2).min(LONGEST_SUMMARY);
        Report::Summary(std::mem::take(&mut known.unreported))
    }

    /// Forgets everything: a connection has been made.
    pub(crate) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_that_repeats_is_reported_once_and_then_ever_more_rarely() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let record =
            |seconds| repeats.record("refused".to_owned(), start + Duration::from_secs(seconds));
        let reports: Vec<_> = (0..71).map(record).collect();
        assert_eq!(reports[0], Report::New);
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
                (70, &Report::Summary(40))
            ]
        );
    }

    #[test]
    fn other_trouble_and_trouble_that_comes_back_are_new() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let record = |trouble: &str, at| repeats.record(trouble.to_owned(), at);
        assert_eq!(record("a is away", start), Report::New);
        assert_eq!(record("b is away", start), Report::New);
        assert_eq!(record("a is away", start), Report::Nothing);
        assert_eq!(record("a is away", start + FORGOTTEN), Report::New);
        repeats.clear();
        assert_eq!(record("a is away", start + FORGOTTEN), Report::New);
    }

    #[test]
    fn only_so_many_are_remembered() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        for number in 0..1000 {
            repeats.record(format!("trouble {number}"), start);
        }
        assert_eq!(repeats.0.lock().unwrap().len(), MAX_REMEMBERED);
    }
}
