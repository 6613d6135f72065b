//! The numbers of a sink, in metrics and in the log.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use portcullis_core::Sample;

/// The name of the queue in front of all places, in metrics and in the log.
pub(crate) const QUEUE: &str = "queue";

/// Minimum time between two log lines about the losses of one place.
const SUMMARY: Duration = Duration::from_secs(10);

/// The kind of a sink: its name in metrics and in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SinkKind {
    /// A place of decision records, by its name.
    Records(&'static str),
    /// The collector of traces.
    #[cfg(feature = "otel")]
    Traces,
}

/// The numbers of a sink.
#[derive(Debug)]
pub(crate) struct SinkNumbers {
    pub(super) kind: SinkKind,
    written: AtomicU64,
    /// Records that found the queue full, and those that could not be written.
    lost: AtomicU64,
    /// Whether the host stops, after which no attempt is repeated.
    stops: AtomicBool,
    losses: LossReport,
}

/// The losses of one place, as far as the log has them.
#[derive(Debug, Default)]
pub(crate) struct LossReport(Mutex<Reported>);

#[derive(Debug, Default)]
struct Reported {
    lost: u64,
    at: Option<Instant>,
}

impl SinkNumbers {
    /// Returns the numbers of a new sink.
    pub(super) fn new(kind: SinkKind) -> Self {
        Self {
            kind,
            written: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            stops: AtomicBool::new(false),
            losses: LossReport::default(),
        }
    }

    /// Returns the name of the place in the log.
    pub(crate) const fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// Logs what the sink has lost since the last line, if a line is due at `now`.
    pub(crate) fn report_losses(&self, now: Instant) {
        self.losses.write(self.kind, self.lost(), now);
    }

    /// Counts records that are written.
    pub(super) fn write(&self, records: usize) {
        let records = u64::try_from(records).unwrap_or(u64::MAX);
        self.written.fetch_add(records, Ordering::Relaxed);
    }

    /// Counts records that are lost.
    pub(super) fn lose(&self, records: usize) {
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
        let (written, lost) = (self.written.load(Ordering::Relaxed), self.lost());
        match self.kind {
            SinkKind::Records(name) => {
                let help = "Decision records written, by sink";
                let written = Sample::counter("decision_records_written", help, written);
                [written.with("sink", name), lost_sample(name, lost)]
            }
            #[cfg(feature = "otel")]
            SinkKind::Traces => [
                Sample::counter(
                    "login_traces_sent",
                    "Traces of logins that the collector took",
                    written,
                ),
                Sample::counter(
                    "login_traces_lost",
                    "Traces of logins lost: a full queue, or a collector that failed",
                    lost,
                ),
            ],
        }
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

impl LossReport {
    /// Logs the losses of `kind` since the last line, of `lost` in total, if one is due at `now`.
    pub(crate) fn write(&self, kind: SinkKind, lost: u64, now: Instant) {
        if let Some(new) = self.due(lost, now) {
            kind.log_loss(new);
        }
    }

    /// Returns the number of losses that a line at `now` is about. `None` if no line is due.
    fn due(&self, lost: u64, now: Instant) -> Option<u64> {
        let mut reported = self.0.lock();
        let is_quiet = reported
            .at
            .is_none_or(|last| now.saturating_duration_since(last) >= SUMMARY);
        let new = lost.saturating_sub(reported.lost);
        (new > 0 && is_quiet).then(|| {
            *reported = Reported {
                lost,
                at: Some(now),
            };
            new
        })
    }
}

impl SinkKind {
    /// Returns the name of the place in the log.
    const fn name(self) -> &'static str {
        match self {
            Self::Records(name) => name,
            #[cfg(feature = "otel")]
            Self::Traces => "traces",
        }
    }

    fn log_loss(self, lost: u64) {
        match self {
            Self::Records(name) => tracing::warn!(
                records.sink = name,
                records.lost = lost,
                "decision records lost: a sink is full or fails"
            ),
            #[cfg(feature = "otel")]
            Self::Traces => tracing::warn!(
                traces.lost = lost,
                "traces of logins lost: the queue is full or the collector fails"
            ),
        }
    }

    pub(super) fn thread_name(self) -> String {
        match self {
            Self::Records(name) => format!("records-{name}"),
            #[cfg(feature = "otel")]
            Self::Traces => "traces".to_owned(),
        }
    }

    pub(super) fn log_failure(self, error: &str) {
        match self {
            Self::Records(name) => {
                tracing::error!(records.sink = name, error, "decision records not written");
            }
            #[cfg(feature = "otel")]
            Self::Traces => tracing::error!(error, "traces of logins not sent"),
        }
    }

    pub(super) fn log_return(self, lost: u64) {
        match self {
            Self::Records(name) => tracing::info!(
                records.sink = name,
                records.lost = lost,
                "decision records are written again"
            ),
            #[cfg(feature = "otel")]
            Self::Traces => tracing::info!(traces.lost = lost, "traces of logins are sent again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_environment::{Clock as _, SystemClock};

    use super::*;

    #[test]
    fn losses_are_told_at_once_and_then_summed_up() {
        let start = SystemClock.now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let losses = LossReport::default();
        assert_eq!(losses.due(0, at(0)), None);
        assert_eq!(losses.due(1, at(1)), Some(1));
        assert_eq!(losses.due(500, at(2)), None);
        assert_eq!(losses.due(900, at(11)), Some(899));
        assert_eq!(losses.due(900, at(60)), None);
    }
}
