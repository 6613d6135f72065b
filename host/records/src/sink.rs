//! The thread of one sink: its queue, its attempts and its numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portcullis_authority::WhenRecordsFull;
use portcullis_core::{Sample, with_causes};
use portcullis_environment::{Clock as _, SystemClock};

use crate::line::Line;

/// Maximum number of records in the queue of a sink. Their size counts in the queue of all records.
const MAX_QUEUED: usize = 4096;

/// Maximum number of records that a sink takes at once.
const MAX_BATCH: usize = 256;

/// Interval at which an idle sink does its housekeeping, and delay before another attempt.
const INTERVAL: Duration = Duration::from_secs(1);

/// A place that records go to.
pub(crate) trait Sink: Send + 'static {
    /// The reason why records cannot be written.
    type Error: std::error::Error + 'static;

    /// Writes `lines`. Returns how many of them are written for good, and why the rest is not.
    fn write(&mut self, lines: &[Arc<Line>]) -> (usize, Result<(), Self::Error>);

    /// Does what is due regardless of new records. Called about once a second, and at the end.
    fn tick(&mut self) -> Result<(), Self::Error>;
}

/// The filling end of a sink's queue.
#[derive(Debug)]
pub(crate) struct SinkQueue {
    sender: SyncSender<Arc<Line>>,
    numbers: Arc<SinkNumbers>,
    when_full: WhenRecordsFull,
}

/// The numbers of a sink.
#[derive(Debug)]
pub(crate) struct SinkNumbers {
    pub(crate) name: &'static str,
    written: AtomicU64,
    /// Records that found the queue full, and those that could not be written.
    lost: AtomicU64,
    /// Whether the host stops, after which no attempt is repeated.
    stops: AtomicBool,
}

impl SinkQueue {
    /// Hands a record to the sink. Drops and counts it if the queue is full, or waits, as the
    /// options say.
    pub(crate) fn push(&self, line: Arc<Line>) {
        let pushed = match self.when_full {
            WhenRecordsFull::Block => self.sender.send(line).is_ok(),
            WhenRecordsFull::Drop => match self.sender.try_send(line) {
                Ok(()) => true,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
            },
        };
        if !pushed {
            self.numbers.lose(1);
        }
    }
}

impl SinkNumbers {
    fn lose(&self, records: usize) {
        let records = u64::try_from(records).unwrap_or(u64::MAX);
        self.lost.fetch_add(records, Ordering::Relaxed);
    }

    /// Returns the number of records that the sink lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Lets the sink give up records that it cannot write.
    pub(crate) fn stop(&self) {
        self.stops.store(true, Ordering::Relaxed);
    }

    /// Returns whether the host stops.
    pub(crate) fn stops(&self) -> bool {
        self.stops.load(Ordering::Relaxed)
    }

    pub(crate) fn samples(&self) -> [Sample; 2] {
        let written = self.written.load(Ordering::Relaxed);
        [
            Sample::counter(
                "decision_records_written",
                "Decision records written, by sink",
                written,
            )
            .with("sink", self.name),
            lost_sample(self.name, self.lost()),
        ]
    }
}

/// Returns the number of records that `sink` lost, as a metric.
pub(crate) fn lost_sample(sink: &'static str, lost: u64) -> Sample {
    Sample::counter(
        "decision_records_lost",
        "Decision records lost: a full queue, or a sink that failed",
        lost,
    )
    .with("sink", sink)
}

/// Starts the thread of a sink. It ends once its queue is dropped and empty.
///
/// # Errors
///
/// Fails if the thread cannot be started.
pub(crate) fn start<S: Sink>(
    name: &'static str,
    sink: impl FnOnce(Arc<SinkNumbers>) -> S,
    when_full: WhenRecordsFull,
) -> std::io::Result<(SinkQueue, Arc<SinkNumbers>, JoinHandle<()>)> {
    let (sender, receiver) = sync_channel(MAX_QUEUED);
    let numbers = Arc::new(SinkNumbers {
        name,
        written: AtomicU64::new(0),
        lost: AtomicU64::new(0),
        stops: AtomicBool::new(false),
    });
    let worker = Worker {
        sink: sink(Arc::clone(&numbers)),
        numbers: Arc::clone(&numbers),
        when_full,
        fails: false,
    };
    let thread = thread::Builder::new()
        .name(format!("records-{name}"))
        .spawn(move || worker.run(&receiver))?;
    let queue = SinkQueue {
        sender,
        numbers: Arc::clone(&numbers),
        when_full,
    };
    Ok((queue, numbers, thread))
}

struct Worker<S> {
    sink: S,
    numbers: Arc<SinkNumbers>,
    when_full: WhenRecordsFull,
    /// Whether the last attempt failed. Only the first failure of a row is logged.
    fails: bool,
}

impl<S: Sink> Worker<S> {
    fn run(mut self, lines: &Receiver<Arc<Line>>) {
        let mut ticked_at = SystemClock.now();
        loop {
            let received = lines.recv_timeout(INTERVAL);
            let is_ended = matches!(received, Err(RecvTimeoutError::Disconnected));
            if let Ok(first) = received {
                let mut batch = vec![first];
                batch.extend(lines.try_iter().take(MAX_BATCH.saturating_sub(1)));
                self.write(&batch);
            }
            if is_ended || SystemClock.elapsed(ticked_at) >= INTERVAL {
                ticked_at = SystemClock.now();
                if let Err(error) = self.sink.tick() {
                    self.report(Err(error));
                }
            }
            if is_ended {
                return;
            }
        }
    }

    /// Writes a batch. Repeats failed attempts for as long as the options say so.
    fn write(&mut self, batch: &[Arc<Line>]) {
        let mut rest = batch;
        loop {
            let (written, result) = self.sink.write(rest);
            rest = rest.get(written..).unwrap_or_default();
            let count = u64::try_from(written).unwrap_or(u64::MAX);
            self.numbers.written.fetch_add(count, Ordering::Relaxed);
            self.report(result);
            if rest.is_empty() {
                return;
            }
            if self.when_full == WhenRecordsFull::Drop || self.numbers.stops() {
                return self.numbers.lose(rest.len());
            }
            thread::park_timeout(INTERVAL);
        }
    }

    /// Logs the beginning and the end of failures.
    fn report(&mut self, result: Result<(), S::Error>) {
        match result {
            Ok(()) if self.fails => {
                self.fails = false;
                tracing::info!(
                    records.sink = self.numbers.name,
                    records.lost = self.numbers.lost(),
                    "decision records are written again"
                );
            }
            Ok(()) => {}
            Err(_) if self.fails => {}
            Err(error) => {
                self.fails = true;
                tracing::error!(
                    records.sink = self.numbers.name,
                    error = with_causes(&error),
                    "decision records not written"
                );
            }
        }
    }
}
