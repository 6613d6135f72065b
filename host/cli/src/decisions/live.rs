//! New records: as hosts publish them, or as hosts answer with them.

use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use portcullis_connect::Connection;
use portcullis_core::DecisionRecord;
use portcullis_records::{LiveReader, ReadRecords, RecordFilter, follow};

use super::source::{Place, SourceArguments, hosts_unreadable};
use crate::exit::ExitCode;
use crate::failure::Failure;

/// The records that hosts decide from now on.
pub(super) struct NewRecords {
    source: Source,
    read: ReadRecords,
    /// Dropping it would close the connection.
    _connection: Connection,
}

enum Source {
    Subject(BoxStream<'static, Vec<u8>>),
    Hosts(Box<LiveReader>),
}

impl SourceArguments {
    /// Returns the records that hosts decide from now on, those that fit `filter` at least.
    ///
    /// # Errors
    ///
    /// Fails if no argument and no configuration names a source, if no server takes the login, or
    /// if no host answers.
    pub(super) async fn new_records(&self, filter: &RecordFilter) -> Result<NewRecords, Failure> {
        let place = self.live_place()?;
        let connection = self.connect(&place).await?;
        let client = connection.client().clone();
        let source = match place {
            Place::Hosts(subject) => {
                let reader = LiveReader::new(client, &subject, filter.clone()).await;
                let mut reader = reader.map_err(|error| hosts_unreadable(&error))?;
                let skipped = reader.skip_past().await;
                skipped.map_err(|error| hosts_unreadable(&error))?;
                Source::Hosts(Box::new(reader))
            }
            Place::Stream | Place::Files(_) | Place::Rotating(_) => {
                let subject = self.stream()?.subject;
                let records = follow(&client, &subject).await;
                let records =
                    records.map_err(|error| Failure::new(ExitCode::Unreachable, error))?;
                Source::Subject(records.boxed())
            }
        };
        Ok(NewRecords {
            source,
            read: ReadRecords::default(),
            _connection: connection,
        })
    }
}

impl NewRecords {
    /// Waits for the next records.
    ///
    /// # Errors
    ///
    /// Fails if the connection is closed for good, or if a host refuses the question.
    pub(super) async fn next(&mut self) -> Result<Vec<DecisionRecord>, Failure> {
        let mut records = Vec::new();
        match &mut self.source {
            Source::Hosts(reader) => {
                let then = |record| records.push(record);
                let reading = reader.read_next(&mut self.read, then).await;
                reading.map_err(|error| hosts_unreadable(&error))?;
            }
            Source::Subject(messages) => {
                let Some(first) = messages.next().await else {
                    let closed = anyhow::anyhow!("the connection was closed for good");
                    return Err(Failure::new(ExitCode::Unreachable, closed));
                };
                let mut next = Some(first);
                while let Some(message) = next {
                    records.extend(self.read.parse(&message));
                    next = messages.next().now_or_never().flatten();
                }
            }
        }
        Ok(records)
    }
}
