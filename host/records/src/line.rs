//! A serialised record, which all sinks share.

use std::sync::Arc;

use bytes::Bytes;
use portcullis_authority::PendingRecord;
use portcullis_core::DecisionRecord;

/// A serialised record. Dropping the last reference frees the room of the record in the queue.
#[derive(Debug)]
pub(crate) struct Line {
    /// The record as JSON on one line, with the final newline.
    pub(crate) text: Bytes,
    record: PendingRecord,
}

impl Line {
    /// Serialises a record. `None` if it cannot be serialised.
    pub(crate) fn new(pending: PendingRecord) -> Option<Arc<Self>> {
        let mut text = serde_json::to_vec(&*pending.record).ok()?;
        text.push(b'\n');
        Some(Arc::new(Self {
            text: text.into(),
            record: pending,
        }))
    }

    /// Returns the record.
    pub(crate) fn record(&self) -> &DecisionRecord {
        &self.record.record
    }

    /// Returns the JSON without the newline.
    pub(crate) fn json(&self) -> Bytes {
        let end = self.text.len().saturating_sub(1);
        self.text.slice(..end)
    }
}

#[cfg(test)]
pub(crate) mod fixtures {
    use std::time::{Duration, SystemTime};

    use portcullis_authority::{
        DecisionLine, RecordedFacts, Recorder, RecorderOptions, WhenRecordsFull,
    };
    use portcullis_core::{Decision, DenialClass, LoginOutcome};
    use portcullis_test_support::alice;

    use super::*;

    /// Returns the options of a queue.
    pub(crate) fn options() -> RecorderOptions {
        RecorderOptions {
            host_name: "portcullis".to_owned(),
            host_version: "0.1.0".to_owned(),
            start: "00".to_owned(),
            facts: RecordedFacts::Shown,
            when_full: WhenRecordsFull::Drop,
            max_pending: RecorderOptions::MAX_PENDING,
        }
    }

    /// Returns a record of a denied login.
    pub(crate) fn record(recorder: &Recorder) -> PendingRecord {
        let decision = Decision::deny(DenialClass::PolicyDenied, "no");
        let request = alice();
        let reserving = recorder.reserve(&request, &decision, None);
        let reserved = futures::FutureExt::now_or_never(reserving);
        let line = DecisionLine {
            request: &request,
            decision: &decision,
            elapsed: Duration::ZERO,
            reply: "sent",
            error: None,
            request_id: None,
            trace_id: None,
        };
        let reserved = reserved.flatten().unwrap();
        reserved.fill(&line, LoginOutcome::Denied, SystemTime::UNIX_EPOCH)
    }

    /// Returns the line of a record with the number `number`.
    pub(crate) fn line(number: u64) -> Arc<Line> {
        let (recorder, _records) = Recorder::queue(options());
        let mut pending = record(&recorder);
        pending.record.id = format!("00-{number}");
        Line::new(pending).unwrap()
    }
}
