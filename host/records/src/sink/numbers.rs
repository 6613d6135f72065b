//! The numbers of a sink, in metrics and in the log.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use portcullis_core::Sample;

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
}

impl SinkNumbers {
    /// Returns the numbers of a new sink.
    pub(super) fn new(kind: SinkKind) -> Self {
        Self {
            kind,
            written: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            stops: AtomicBool::new(false),
        }
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

impl SinkKind {
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
