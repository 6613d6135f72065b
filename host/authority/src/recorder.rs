//! The queue of decision records, which every front door fills.
//!
//! A login reserves room for its record before its reply, and fills it after. The queue is bounded
//! by its size in memory. Without room, the record is dropped and counted, or the login waits, as
//! the options say. Sinks take the records out of the other end, on threads of their own.

mod options;
mod size;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use portcullis_core::{
    AuthorizationRequest, Decision, DecisionRecord, LoginFacts, LoginOutcome, Outcome,
    RecordedAccess, RecordedAnswer, RecordedPolicy, RecordedVerdict, RecordingHost,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use crate::decision_log::DecisionLine;
use size::size;

pub use options::{RecordedFacts, RecorderOptions, WhenRecordsFull};

/// Unit of the room in a queue, in bytes.
const UNIT: usize = 1 << 10;

/// The filling end of a queue of records. The default records nothing. Clones share the queue.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Option<Arc<Shared>>);

/// The end of a queue that sinks take records from.
#[derive(Debug)]
pub struct Records {
    receiver: UnboundedReceiver<Queued>,
    shared: Arc<Counts>,
}

/// Room for the record of one login.
#[derive(Debug)]
pub struct Reserved {
    shared: Arc<Shared>,
    sequence: u64,
    room: OwnedSemaphorePermit,
}

/// A record on its way to the sinks. Dropping it frees its room.
#[derive(Debug)]
pub struct PendingRecord {
    /// The record.
    pub record: Box<DecisionRecord>,
    _room: OwnedSemaphorePermit,
}

struct Shared {
    options: RecorderOptions,
    sequence: AtomicU64,
    /// The number of units that are left.
    room: Arc<Semaphore>,
    /// The number of units of an empty queue.
    units: usize,
    /// Whether a login waited for room in vain.
    blocked: AtomicBool,
    sender: UnboundedSender<Queued>,
    counts: Arc<Counts>,
}

/// An entry of the queue.
#[derive(Debug)]
enum Queued {
    Record(PendingRecord),
    /// No further record is taken out.
    End,
}

/// Numbers of records.
#[derive(Debug, Default)]
struct Counts {
    lost: AtomicU64,
}

impl Recorder {
    /// Returns the two ends of a queue.
    pub fn queue(options: RecorderOptions) -> (Self, Records) {
        let (sender, receiver) = unbounded_channel();
        let units = (options.max_pending / UNIT).clamp(1, u32::MAX as usize);
        let units = units.min(Semaphore::MAX_PERMITS);
        let counts = Arc::new(Counts::default());
        let shared = Shared {
            options,
            sequence: AtomicU64::new(0),
            room: Arc::new(Semaphore::new(units)),
            units,
            blocked: AtomicBool::new(false),
            sender,
            counts: Arc::clone(&counts),
        };
        let records = Records {
            receiver,
            shared: counts,
        };
        (Self(Some(Arc::new(shared))), records)
    }

    /// Returns whether logins are recorded.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Returns whether logins wait for room in vain, as [`WhenRecordsFull::Block`] has it. That is
    /// so from the first login that the server gave up until half of the room is free.
    pub fn is_blocked(&self) -> bool {
        let Some(shared) = &self.0 else {
            return false;
        };
        if shared.room.available_permits() >= shared.units / 2 {
            shared.blocked.store(false, Ordering::Relaxed);
        }
        shared.blocked.load(Ordering::Relaxed)
    }

    /// Returns room for the record of a login, `None` if logins are not recorded or if there is no
    /// room. Waits for room if the options say so, until `latest`.
    pub async fn reserve(
        &self,
        request: &AuthorizationRequest,
        decision: &Decision,
        latest: Option<Instant>,
    ) -> Option<Reserved> {
        let shared = self.0.as_ref()?;
        let sequence = shared.sequence.fetch_add(1, Ordering::Relaxed);
        let sequence = sequence.saturating_add(1);
        let all = u32::try_from(shared.options.max_pending / UNIT).unwrap_or(u32::MAX);
        let size = size(request, decision, shared.options.facts) / UNIT;
        let units = u32::try_from(size).unwrap_or(u32::MAX).min(all).max(1);
        let Some(room) = shared.room(units, latest).await else {
            shared.counts.lost.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        Some(Reserved {
            shared: Arc::clone(shared),
            sequence,
            room,
        })
    }

    /// Hands a record to the sinks.
    pub fn send(&self, record: PendingRecord) {
        if let Some(shared) = &self.0
            && shared.sender.send(Queued::Record(record)).is_err()
        {
            shared.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Ends the queue. The sinks take the records that were sent before, and no others.
    pub fn end(&self) {
        if let Some(shared) = &self.0 {
            // Without a receiver, the queue has ended already.
            let _ = shared.sender.send(Queued::End);
        }
    }
}

impl Shared {
    async fn room(&self, units: u32, latest: Option<Instant>) -> Option<OwnedSemaphorePermit> {
        let room = Arc::clone(&self.room);
        if self.options.when_full == WhenRecordsFull::Drop {
            return room.try_acquire_many_owned(units).ok();
        }
        let waiting = room.acquire_many_owned(units);
        let Some(latest) = latest else {
            return waiting.await.ok();
        };
        let found = timeout_at(latest.into(), waiting).await;
        if found.is_err() {
            self.blocked.store(true, Ordering::Relaxed);
        }
        found.ok()?.ok()
    }
}

impl Reserved {
    /// Returns the record of the login of `line`, which was decided at `time`.
    pub fn fill(
        self,
        line: &DecisionLine<'_>,
        outcome: LoginOutcome,
        time: SystemTime,
    ) -> PendingRecord {
        let options = &self.shared.options;
        let (request, decision) = (line.request, line.decision);
        let permit = decision.outcome.permit();
        let mut record = DecisionRecord {
            format: DecisionRecord::FORMAT,
            id: format!("{}-{}", options.start, self.sequence),
            host: RecordingHost {
                name: options.host_name.clone(),
                version: options.host_version.clone(),
                start: options.start.clone(),
                sequence: self.sequence,
            },
            time: humantime::format_rfc3339_millis(time).to_string(),
            received_at: request.received_at,
            outcome,
            verdict: match permit {
                Some(_) => RecordedVerdict::Permit,
                None => RecordedVerdict::Deny,
            },
            class: None,
            reason: None,
            blame: None,
            server_reason: None,
            user_nkey: request.user_nkey.as_str().to_owned(),
            login: match options.facts {
                RecordedFacts::Shown => LoginFacts::shown(request),
                RecordedFacts::All => LoginFacts::all(request),
            },
            policy: decision.policy.as_deref().map(RecordedPolicy::from),
            policies: decision.steps.iter().map(RecordedAnswer::from).collect(),
            access: permit.map(RecordedAccess::from),
            reply: line.reply.to_owned(),
            error: line.error.map(str::to_owned),
            elapsed_us: u64::try_from(line.elapsed.as_micros()).unwrap_or(u64::MAX),
            request_id: line.request_id.map(str::to_owned),
            trace_id: line.trace_id.map(str::to_owned),
        };
        if let Outcome::Deny(denial) = &decision.outcome {
            record.set_denial(denial.class, denial.reason.clone());
        }
        PendingRecord {
            record: Box::new(record),
            _room: self.room,
        }
    }
}

impl Records {
    /// Waits for the next record, and blocks the thread. `None` once the queue has ended.
    pub fn blocking_next(&mut self) -> Option<PendingRecord> {
        let queued = self.receiver.blocking_recv()?;
        self.record(queued)
    }

    /// Returns the next record if one waits.
    pub fn try_next(&mut self) -> Option<PendingRecord> {
        let queued = self.receiver.try_recv().ok()?;
        self.record(queued)
    }

    fn record(&mut self, queued: Queued) -> Option<PendingRecord> {
        match queued {
            Queued::Record(record) => Some(record),
            Queued::End => {
                self.receiver.close();
                None
            }
        }
    }

    /// Returns a function that returns the number of records that found no room in the queue.
    pub fn lost(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let counts = Arc::clone(&self.shared);
        move || counts.lost.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
