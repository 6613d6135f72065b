//! The sink of a signal of OTLP: requests of bounded size, and the fate of refused items.

use std::marker::PhantomData;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::OtlpOptions;
use super::collector::{Collector, CollectorError};
use super::values::{Origin, shown};
use crate::sink::{Sink, SinkNumbers, Unwritten};

/// Size of the items in one request from which on the others go into another one, in bytes.
/// Collectors accept 20 MiB by default, and some services 5 MB.
const MAX_REQUEST: usize = 4 << 20;

/// A kind of data that OTLP sends, such as logs.
pub(crate) trait Signal: Send + 'static {
    /// An item of a request.
    type Record: Send + Sync + 'static;

    /// Returns the approximate size of an item in a request, in bytes.
    fn size(record: &Self::Record) -> usize;

    /// Returns a request in Protobuf.
    fn encode(records: &[Arc<Self::Record>], origin: &Origin) -> Vec<u8>;

    /// Returns the number of items that the collector refused, with its message.
    fn refused(answer: &[u8]) -> Option<(i64, String)>;
}

/// The sink of a signal.
pub(crate) struct OtlpSink<S> {
    collector: Collector,
    origin: Origin,
    /// Number of items in the last request.
    sent: usize,
    signal: PhantomData<fn() -> S>,
}

impl<S: Signal> OtlpSink<S> {
    /// Returns a sink for the data of the host `origin`, which sends on `runtime`.
    pub(crate) const fn new(
        options: OtlpOptions,
        origin: Origin,
        runtime: Handle,
        numbers: Arc<SinkNumbers>,
    ) -> Self {
        Self {
            collector: Collector::new(options, runtime, numbers),
            origin,
            sent: 0,
            signal: PhantomData,
        }
    }

    /// Sends `records` in one request.
    fn send(&mut self, records: &[Arc<S::Record>]) -> Result<(), CollectorError> {
        let answer = self.collector.post(S::encode(records, &self.origin))?;
        match S::refused(&answer) {
            Some((refused, message)) if refused > 0 => {
                let refused = usize::try_from(refused).unwrap_or(usize::MAX);
                Err(CollectorError::Refused {
                    refused: refused.min(records.len()),
                    message: shown(&message),
                })
            }
            _ => Ok(()),
        }
    }
}

impl<S: Signal> Sink for OtlpSink<S> {
    type Record = S::Record;
    type Error = CollectorError;

    fn write(&mut self, records: &[Arc<S::Record>]) -> (usize, Result<(), CollectorError>) {
        self.sent = chunk::<S>(records);
        let result = self.send(records.get(..self.sent).unwrap_or(records));
        let written = match &result {
            Ok(()) => self.sent,
            // The collector does not say which ones it refused.
            Err(CollectorError::Refused { refused, .. }) => self.sent.saturating_sub(*refused),
            Err(_) => 0,
        };
        (written, result)
    }

    fn unwritten(&self, error: &CollectorError) -> Unwritten {
        match error {
            CollectorError::Refused { refused, .. } => Unwritten::Refused(*refused),
            error if error.is_final() => Unwritten::Refused(self.sent),
            error if error.is_passing() => Unwritten::Kept,
            _ => Unwritten::AsConfigured,
        }
    }
}

/// Returns the number of `records` that one request takes, at least one.
fn chunk<S: Signal>(records: &[Arc<S::Record>]) -> usize {
    let mut size = 0_usize;
    let within = records.iter().take_while(|record| {
        size = size.saturating_add(S::size(record));
        size <= MAX_REQUEST
    });
    within.count().max(1)
}
