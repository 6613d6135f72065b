//! The thread that serialises records and hands them to every sink.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use portcullis_authority::{PendingRecord, Records};

use crate::event::EventQueue;
use crate::line::Line;
use crate::live::LiveRecords;
use crate::sink::SinkQueue;

/// Time for which records gather, so that a busy host does not wake this thread for each.
const GATHERING: Duration = Duration::from_millis(5);

/// The queues of all sinks.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    /// Those of whole records.
    pub(crate) records: Vec<SinkQueue<Line>>,
    pub(crate) events: Option<EventQueue>,
    /// The newest records, in memory.
    pub(crate) live: Option<Arc<LiveRecords>>,
}

/// Serialises records until the queue ends.
pub(crate) fn run(mut records: Records, queues: &Queues) {
    while let Some(first) = records.blocking_next() {
        thread::park_timeout(GATHERING);
        let mut next = Some(first);
        while let Some(record) = next {
            queues.push(record);
            next = records.try_next();
        }
    }
}

impl Queues {
    fn push(&self, record: PendingRecord) {
        if let Some(events) = &self.events {
            events.push(&record.record);
        }
        if self.records.is_empty() && self.live.is_none() {
            return;
        }
        if let Some(line) = Line::new(record) {
            if let Some(live) = &self.live {
                live.push(&line.json());
            }
            for sink in &self.records {
                sink.push(line.clone());
            }
        }
    }
}
