//! Reading of records: from files, from a stream and as they are published.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use async_nats::Client;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::context::GetStreamByNameErrorKind;
use futures::{Stream, StreamExt as _};
use portcullis_core::DecisionRecord;

use crate::file::rotated_files;
use crate::stream::{StreamOptions, context};
use crate::tail::Lines;

/// Records that were read, one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadRecords {
    /// The number of records.
    pub records: u64,
    /// The number of lines or messages that are no records, such as a line that a dying process
    /// left.
    pub unreadable: u64,
}

/// A reason why records cannot be read from a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CannotRead {
    /// The stream cannot be found or read.
    #[error("cannot {action} for `{subject}`")]
    Stream {
        /// What was to be done.
        action: &'static str,
        /// The subject of the records.
        subject: String,
        /// Cause.
        #[source]
        source: async_nats::Error,
    },
    /// No host answers questions for its newest records.
    #[error(
        "no host answers on `{subject}`: hosts answer there with `[records.live]` in their configuration"
    )]
    NoHost {
        /// The subject of the questions.
        subject: String,
    },
}

impl ReadRecords {
    /// Parses one line or message, and counts it. Returns `None` for an empty line.
    pub fn parse(&mut self, text: &[u8]) -> Option<DecisionRecord> {
        if text.trim_ascii().is_empty() {
            return None;
        }
        self.count(serde_json::from_slice(text).ok())
    }

    /// Reads a record that is JSON already, and counts it.
    pub(crate) fn take(&mut self, record: serde_json::Value) -> Option<DecisionRecord> {
        self.count(serde_json::from_value(record).ok())
    }

    fn count(&mut self, record: Option<DecisionRecord>) -> Option<DecisionRecord> {
        let count = match record {
            Some(_) => &mut self.records,
            None => &mut self.unreadable,
        };
        *count = count.saturating_add(1);
        record
    }
}

/// Returns the file at `path` and the files that were rotated from it, the oldest first.
///
/// # Errors
///
/// Fails if the directory cannot be read.
pub fn record_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = rotated_files(path)?;
    files.sort();
    files.push(path.to_owned());
    Ok(files)
}

/// Reads the records of a file, and hands each to `then`.
///
/// # Errors
///
/// Fails if the file cannot be read.
pub fn read_file(
    path: &Path,
    read: &mut ReadRecords,
    mut then: impl FnMut(DecisionRecord),
) -> io::Result<()> {
    let mut lines = Lines::default();
    lines.read(BufReader::new(File::open(path)?), read, &mut then)?;
    lines.end(read, &mut then);
    Ok(())
}

/// Returns the name of the stream that captures the subject of `options`. `None` without one.
///
/// # Errors
///
/// Fails if servers do not answer, or the user may not ask.
pub async fn find_stream(
    client: Client,
    options: &StreamOptions,
) -> Result<Option<String>, CannotRead> {
    match context(client, options)
        .stream_by_subject(&options.subject)
        .await
    {
        Ok(name) => Ok(Some(name)),
        Err(error) if error.kind() == GetStreamByNameErrorKind::NotFound => Ok(None),
        Err(error) => Err(CannotRead::Stream {
            action: "find a stream",
            subject: options.subject.clone(),
            source: error.into(),
        }),
    }
}

/// Reads the records that the stream of `options` has now, from `since` on, and hands each to
/// `then`.
///
/// # Errors
///
/// Fails if the stream cannot be found or read.
pub async fn read_stream(
    client: Client,
    options: &StreamOptions,
    since: Option<SystemTime>,
    read: &mut ReadRecords,
    mut then: impl FnMut(DecisionRecord),
) -> Result<(), CannotRead> {
    let failed = |action, source| CannotRead::Stream {
        action,
        subject: options.subject.clone(),
        source,
    };
    let context = context(client, options);
    let name = context.stream_by_subject(&options.subject).await;
    let name = name.map_err(|error| failed("find a stream", error.into()))?;
    let stream = context.get_stream(&name).await;
    let stream = stream.map_err(|error| failed("open the stream", error.into()))?;
    let consumer = stream.create_consumer(OrderedConfig {
        filter_subject: options.subject.clone(),
        deliver_policy: since.map_or(DeliverPolicy::All, |since| DeliverPolicy::ByStartTime {
            start_time: since.into(),
        }),
        ..OrderedConfig::default()
    });
    let consumer = consumer.await;
    let consumer = consumer.map_err(|error| failed("make a consumer", error.into()))?;
    // A busy host, or an insider, can publish for as long as this reads.
    let mut left = consumer.cached_info().num_pending;
    if left == 0 {
        return Ok(());
    }
    let messages = consumer.messages().await;
    let mut messages = messages.map_err(|error| failed("read the stream", error.into()))?;
    while let Some(message) = messages.next().await {
        let message = message.map_err(|error| failed("read the stream", error.into()))?;
        if let Some(record) = read.parse(&message.payload) {
            then(record);
        }
        left = left.saturating_sub(1);
        let info = message.info();
        let info = info.map_err(|error| failed("read the stream", error))?;
        if left == 0 || info.pending == 0 {
            return Ok(());
        }
    }
    Ok(())
}

/// Returns the records that hosts publish from now on.
///
/// # Errors
///
/// Fails if the subscription cannot be made.
pub async fn follow(
    client: &Client,
    subject: &str,
) -> Result<impl Stream<Item = Vec<u8>> + use<>, CannotRead> {
    let subscribed = client.subscribe(subject.to_owned()).await;
    let messages = subscribed.map_err(|error| CannotRead::Stream {
        action: "subscribe to records",
        subject: subject.to_owned(),
        source: error.into(),
    })?;
    Ok(messages.map(|message| message.payload.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::fixtures::line;
    use crate::tail::MAX_LINE;

    #[test]
    fn a_line_of_any_length_takes_bounded_memory() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("decisions.jsonl");
        let mut content = line(1).text.to_vec();
        content.extend(vec![b' '; 2 * MAX_LINE]);
        content.extend(&*line(2).text);
        content.extend(&*line(3).json());
        std::fs::write(&path, content).unwrap();
        let (mut read, mut ids) = (ReadRecords::default(), Vec::new());
        read_file(&path, &mut read, |record| ids.push(record.id)).unwrap();
        assert_eq!(ids, ["00-1", "00-3"], "the last line has no end");
        assert_eq!(read.unreadable, 1, "the long line");
    }
}
