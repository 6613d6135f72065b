//! The thread of one sink: its queue and its attempts.

mod numbers;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portcullis_authority::WhenRecordsFull;
use portcullis_core::with_causes;
use portcullis_environment::{Clock as _, SystemClock};

pub(crate) use numbers::{LossReport, QUEUE, SinkKind, SinkNumbers, lost_sample};

/// Maximum number of records in the queue of a sink. Their size counts in the queue of all records.
pub(crate) const MAX_QUEUED: usize = 4096;

/// Maximum number of records that a sink takes at once.
const MAX_BATCH: usize = 256;

/// Interval at which an idle sink does its housekeeping, and delay before another attempt.
const INTERVAL: Duration = Duration::from_secs(1);

/// Minimum time between two lines of the log about failures for different reasons in a row.
const CHANGE_INTERVAL: Duration = Duration::from_secs(10);

/// Maximum delay before another attempt at a place that is away.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// Number of attempts at a place that is away, after which the records are lost unless the options
/// say otherwise. With the delays between them, they take about a minute and a half.
const MAX_ATTEMPTS: u32 = 8;

/// A place that records go to.
pub(crate) trait Sink: Send + 'static {
    /// A record in the form that the sink takes.
    type Record: Send + Sync + 'static;
    /// The reason why records cannot be written.
    type Error: std::error::Error + 'static;

    /// Writes `records`. Returns how many of them are written for good, and why the next one is
    /// not. `Ok` with fewer than all asks for another call with the rest.
    fn write(&mut self, records: &[Arc<Self::Record>]) -> (usize, Result<(), Self::Error>);

    /// Does what is due regardless of new records. Called about once a second, and at the end.
    fn tick(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Returns the treatment of the records that `error` leaves unwritten.
    fn unwritten(&self, _error: &Self::Error) -> Unwritten {
        Unwritten::AsConfigured
    }
}

/// The treatment of records that could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwritten {
    /// The options say whether they are lost or tried again.
    AsConfigured,
    /// The sink tries the records again after a delay, because the place may come back.
    Kept,
    /// The sink tries the records again until the host stops, because the place is there and may
    /// have them already.
    Repeated,
    /// The next records, this many, are lost: another attempt would fail too.
    Refused(usize),
}

/// The filling end of a sink's queue.
#[derive(Debug)]
pub(crate) struct SinkQueue<R> {
    sender: SyncSender<Arc<R>>,
    numbers: Arc<SinkNumbers>,
    when_full: WhenRecordsFull,
}

impl<R> SinkQueue<R> {
    /// Hands a record to the sink. Drops and counts it if the queue is full, or waits, as the
    /// options say.
    pub(crate) fn push(&self, record: Arc<R>) {
        let pushed = match self.when_full {
            WhenRecordsFull::Block => self.sender.send(record).is_ok(),
            WhenRecordsFull::Drop => match self.sender.try_send(record) {
                Ok(()) => true,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
            },
        };
        if !pushed {
            self.numbers.lose(1);
        }
    }
}

/// Starts the thread of a sink with a queue of `max_queued` records. It ends once its queue is
/// dropped and empty.
///
/// # Errors
///
/// Fails if the thread cannot be started.
pub(crate) fn start<S: Sink>(
    kind: SinkKind,
    sink: impl FnOnce(Arc<SinkNumbers>) -> S,
    when_full: WhenRecordsFull,
    max_queued: usize,
) -> std::io::Result<Started<S::Record>> {
    let (sender, receiver) = sync_channel(max_queued);
    let numbers = Arc::new(SinkNumbers::new(kind));
    let worker = Worker {
        sink: sink(Arc::clone(&numbers)),
        numbers: Arc::clone(&numbers),
        when_full,
        trouble: Trouble::default(),
    };
    let thread = thread::Builder::new()
        .name(kind.thread_name())
        .spawn(move || worker.run(&receiver))?;
    let queue = SinkQueue {
        sender,
        numbers: Arc::clone(&numbers),
        when_full,
    };
    Ok((queue, numbers, thread))
}

/// A started sink: the filling end of its queue, its numbers and its thread.
pub(crate) type Started<R> = (SinkQueue<R>, Arc<SinkNumbers>, JoinHandle<()>);

struct Worker<S> {
    sink: S,
    numbers: Arc<SinkNumbers>,
    when_full: WhenRecordsFull,
    trouble: Trouble,
}

/// The failures of a sink in a row, as far as the log has them.
#[derive(Debug, Default)]
struct Trouble {
    /// The last failure with a line in the log, and its time.
    logged: Option<(String, Instant)>,
}

impl Trouble {
    /// Returns whether the log needs a line for `error` at `now`. It has one for the first failure
    /// of a row, and for another reason, because that needs another remedy.
    fn is_new(&mut self, error: &str, now: Instant) -> bool {
        let is_new = self.logged.as_ref().is_none_or(|(text, at)| {
            text != error && now.saturating_duration_since(*at) >= CHANGE_INTERVAL
        });
        if is_new {
            self.logged = Some((error.to_owned(), now));
        }
        is_new
    }

    /// Records a success. Returns whether it ends a row of failures.
    fn ends(&mut self) -> bool {
        self.logged.take().is_some()
    }
}

impl<S: Sink> Worker<S> {
    fn run(mut self, records: &Receiver<Arc<S::Record>>) {
        let mut ticked_at = SystemClock.now();
        loop {
            let received = records.recv_timeout(INTERVAL);
            let is_ended = matches!(received, Err(RecvTimeoutError::Disconnected));
            if let Ok(first) = received {
                let mut batch = vec![first];
                batch.extend(records.try_iter().take(MAX_BATCH.saturating_sub(1)));
                self.write(&batch);
            }
            if is_ended || SystemClock.elapsed(ticked_at) >= INTERVAL {
                ticked_at = SystemClock.now();
                self.numbers.report_losses(ticked_at);
                if let Err(error) = self.sink.tick() {
                    self.report(Err(error));
                }
            }
            if is_ended {
                return;
            }
        }
    }

    /// Writes a batch. Repeats failed attempts for as long as the error and the options say so.
    fn write(&mut self, batch: &[Arc<S::Record>]) {
        let mut rest = batch;
        let mut failures = 0_u32;
        while !rest.is_empty() {
            let (written, unwritten) = self.attempt(rest);
            rest = rest.get(written..).unwrap_or_default();
            let unwritten = match unwritten {
                None => continue,
                Some(Unwritten::Refused(records)) => {
                    // At least one, so that the loop ends.
                    let refused = records.max(1).min(rest.len());
                    self.numbers.lose(refused);
                    rest = rest.get(refused..).unwrap_or_default();
                    continue;
                }
                Some(unwritten) => unwritten,
            };
            failures = if written == 0 {
                failures.saturating_add(1)
            } else {
                1
            };
            if self.gives_up(unwritten, failures) {
                return self.numbers.lose(rest.len());
            }
            thread::park_timeout(delay(unwritten, failures));
        }
    }

    /// Writes records once. Returns how many of them are written, and the fate of the others if
    /// that failed.
    fn attempt(&mut self, records: &[Arc<S::Record>]) -> (usize, Option<Unwritten>) {
        let (written, result) = self.sink.write(records);
        self.numbers.write(written);
        let error = result.as_ref().err();
        let unwritten = error.map(|error| self.sink.unwritten(error));
        self.report(result);
        (written, unwritten)
    }

    /// Returns whether records are lost after this number of failed attempts in a row.
    fn gives_up(&self, unwritten: Unwritten, failures: u32) -> bool {
        let is_within = match unwritten {
            Unwritten::Repeated => true,
            Unwritten::Kept => failures < MAX_ATTEMPTS,
            Unwritten::AsConfigured | Unwritten::Refused(_) => false,
        };
        let is_patient = self.when_full == WhenRecordsFull::Block || is_within;
        self.numbers.stops() || !is_patient
    }

    /// Logs the beginning and the end of failures, and another reason of them.
    fn report(&mut self, result: Result<(), S::Error>) {
        match result {
            Ok(()) => {
                if self.trouble.ends() {
                    self.numbers.kind.log_return(self.numbers.lost());
                }
            }
            Err(error) => {
                let error = with_causes(&error);
                if self.trouble.is_new(&error, SystemClock.now()) {
                    self.numbers.kind.log_failure(&error);
                }
            }
        }
    }
}

/// Returns the delay before the next attempt.
fn delay(unwritten: Unwritten, failures: u32) -> Duration {
    if unwritten != Unwritten::Kept {
        return INTERVAL;
    }
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    INTERVAL.saturating_mul(doubled).min(MAX_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    impl Sink for Nowhere {
        type Record = ();
        type Error = std::fmt::Error;

        fn write(&mut self, _: &[Arc<()>]) -> (usize, Result<(), Self::Error>) {
            (0, Err(std::fmt::Error))
        }
    }

    #[test]
    fn records_that_a_place_may_have_are_tried_until_the_host_stops() {
        let worker = Worker {
            sink: Nowhere,
            numbers: Arc::new(SinkNumbers::new(SinkKind::Records("stream"))),
            when_full: WhenRecordsFull::Drop,
            trouble: Trouble::default(),
        };
        assert!(worker.gives_up(Unwritten::AsConfigured, 1));
        assert!(!worker.gives_up(Unwritten::Kept, MAX_ATTEMPTS - 1));
        assert!(worker.gives_up(Unwritten::Kept, MAX_ATTEMPTS));
        assert!(!worker.gives_up(Unwritten::Repeated, u32::MAX));
        worker.numbers.stop();
        assert!(worker.gives_up(Unwritten::Repeated, 1));
    }

    #[test]
    fn a_row_of_failures_is_logged_once_and_for_another_reason_again() {
        let start = SystemClock.now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut trouble = Trouble::default();
        assert!(!trouble.ends());
        assert!(trouble.is_new("connection refused", at(0)));
        assert!(!trouble.is_new("connection refused", at(60)));
        assert!(trouble.is_new("status 401", at(61)));
        // A place that fails for two reasons in turn does not fill the log.
        assert!(!trouble.is_new("connection refused", at(62)));
        assert!(trouble.is_new("connection refused", at(71)));
        assert!(trouble.ends());
        assert!(trouble.is_new("connection refused", at(72)));
    }
}
