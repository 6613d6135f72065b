//! The thread that serialises records and hands them to every sink.

use std::thread;
use std::time::{Duration, Instant};

use portcullis_authority::{PendingRecord, Records};
use portcullis_environment::{Clock as _, SystemClock};

use crate::event::EventQueue;
use crate::line::Line;
use crate::sink::SinkQueue;

/// Time for which records gather, so that a busy host does not wake this thread for each.
const GATHERING: Duration = Duration::from_millis(5);

/// Interval between two log lines about lost records.
const SUMMARY: Duration = Duration::from_secs(10);

/// The queues of all sinks.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    /// Those of whole records.
    pub(crate) records: Vec<SinkQueue<Line>>,
    pub(crate) events: Option<EventQueue>,
}

/// Serialises records until the queue ends.
pub(crate) fn run(mut records: Records, sinks: &Queues, lost: &impl Fn() -> u64) {
    let mut report = LossReport::default();
    while let Some(first) = records.blocking_next() {
        thread::park_timeout(GATHERING);
        let mut next = Some(first);
        while let Some(record) = next {
            sinks.push(record);
            next = records.try_next();
        }
        report.write(lost(), SystemClock.now());
    }
}

impl Queues {
    fn push(&self, record: PendingRecord) {
        if let Some(events) = &self.events {
            events.push(&record.record);
        }
        if self.records.is_empty() {
            return;
        }
        if let Some(line) = Line::new(record) {
            for sink in &self.records {
                sink.push(line.clone());
            }
        }
    }
}

/// The log lines about lost records.
#[derive(Default)]
struct LossReport {
    reported: u64,
    written_at: Option<Instant>,
}

impl LossReport {
    fn write(&mut self, lost: u64, now: Instant) {
        let is_due = self
            .written_at
            .is_none_or(|last| now.saturating_duration_since(last) >= SUMMARY);
        if lost > self.reported && is_due {
            tracing::warn!(
                records.lost = lost.saturating_sub(self.reported),
                "decision records lost: a sink is full or fails"
            );
            self.reported = lost;
            self.written_at = Some(now);
        }
    }
}
