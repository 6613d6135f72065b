//! A function of the embedding program that receives records.

use std::convert::Infallible;
use std::sync::Arc;

use portcullis_core::DecisionRecord;

use crate::line::Line;
use crate::sink::Sink;

/// A function that receives decision records, one after the other, on a thread of its own. If it is
/// slow, it loses records or delays logins, as [`RecordOptions::when_full`] says. A panic ends it.
///
/// [`RecordOptions::when_full`]: crate::RecordOptions::when_full
pub type RecordReceiver = Box<dyn FnMut(&DecisionRecord) + Send>;

/// The sink that calls the function.
pub(crate) struct ReceiverSink(pub(crate) RecordReceiver);

impl Sink for ReceiverSink {
    type Record = Line;
    type Error = Infallible;

    fn write(&mut self, records: &[Arc<Line>]) -> (usize, Result<(), Infallible>) {
        for record in records {
            (self.0)(record.record());
        }
        (records.len(), Ok(()))
    }
}
