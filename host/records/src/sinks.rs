//! All sinks of a host, from their start to their end.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portcullis_authority::{RecordedFacts, Recorder, RecorderOptions, WhenRecordsFull};
use portcullis_core::Sample;
use portcullis_environment::{Randomness as _, SystemRandomness};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::dispatcher;
use crate::file::{FileError, FileOptions, FileSink};
use crate::sink::{self, SinkNumbers, lost_sample};
use crate::stream::{StreamOptions, StreamSink};

/// The content of records, and the places that they go to. The default records nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordOptions {
    /// The facts about clients.
    pub facts: RecordedFacts,
    /// The treatment of records that find no room.
    pub when_full: WhenRecordsFull,
    /// Maximum size of the records in memory, in bytes. Default: 64 MiB.
    pub max_pending: usize,
    /// A file that rotates. `None` writes no file.
    pub file: Option<FileOptions>,
    /// A stream. `None` publishes nothing.
    pub stream: Option<StreamOptions>,
}

/// A reason why records cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CannotRecord {
    /// The file cannot be opened.
    #[error("cannot write decision records")]
    File(#[from] FileError),
    /// A thread cannot be started.
    #[error("cannot start a thread for decision records")]
    Thread(#[source] std::io::Error),
}

/// The running sinks.
#[derive(Debug)]
pub struct RecordSinks {
    recorder: Recorder,
    threads: Vec<JoinHandle<()>>,
    numbers: AllNumbers,
    client: Option<oneshot::Sender<async_nats::Client>>,
}

/// The numbers of the sinks, for metrics.
#[derive(Clone)]
pub(crate) struct AllNumbers {
    sinks: Vec<Arc<SinkNumbers>>,
    queue: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Default for RecordOptions {
    fn default() -> Self {
        Self {
            facts: RecordedFacts::default(),
            when_full: WhenRecordsFull::default(),
            max_pending: RecorderOptions::MAX_PENDING,
            file: None,
            stream: None,
        }
    }
}

impl RecordOptions {
    /// Returns whether logins are recorded.
    pub const fn is_on(&self) -> bool {
        self.file.is_some() || self.stream.is_some()
    }
}

impl RecordSinks {
    /// Starts the sinks of a host of this name and version. Returns `None` if logins are not
    /// recorded. To be called in a tokio runtime, which the stream uses.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be opened, or if a thread cannot be started.
    pub fn start(
        options: &RecordOptions,
        host_name: &str,
        host_version: &str,
    ) -> Result<Option<Self>, CannotRecord> {
        if !options.is_on() {
            return Ok(None);
        }
        let (recorder, records) = Recorder::queue(RecorderOptions {
            host_name: host_name.to_owned(),
            host_version: host_version.to_owned(),
            start: start_id(),
            facts: options.facts,
            when_full: options.when_full,
            max_pending: options.max_pending,
        });
        let mut queues = Vec::new();
        let mut sinks = Self {
            recorder,
            threads: Vec::new(),
            numbers: AllNumbers {
                sinks: Vec::new(),
                queue: Arc::new(records.lost()),
            },
            client: None,
        };
        let when_full = options.when_full;
        if let Some(file) = options.file.clone() {
            let file = FileSink::open(file)?;
            let started = sink::start("file", |_| file, when_full);
            queues.push(sinks.add(started)?);
        }
        if let Some(stream) = options.stream.clone() {
            let (client, connected) = oneshot::channel();
            let runtime = Handle::current();
            let sink = |numbers| StreamSink::new(stream, runtime, connected, numbers);
            queues.push(sinks.add(sink::start("stream", sink, when_full))?);
            sinks.client = Some(client);
        }
        let lost = sinks.numbers.clone();
        let dispatching = thread::Builder::new()
            .name("records".to_owned())
            .spawn(move || dispatcher::run(records, &queues, &|| lost.lost()))
            .map_err(CannotRecord::Thread)?;
        sinks.threads.push(dispatching);
        Ok(Some(sinks))
    }

    /// Returns the filling end of the queue.
    pub fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// Returns a source of metrics.
    pub fn metrics(&self) -> impl Fn() -> Vec<Sample> + Send + Sync + 'static {
        let numbers = self.numbers.clone();
        move || numbers.samples()
    }

    fn add(
        &mut self,
        started: std::io::Result<(sink::SinkQueue, Arc<SinkNumbers>, JoinHandle<()>)>,
    ) -> Result<sink::SinkQueue, CannotRecord> {
        let (queue, numbers, thread) = started.map_err(CannotRecord::Thread)?;
        self.threads.push(thread);
        self.numbers.sinks.push(numbers);
        Ok(queue)
    }

    /// Gives the stream its connection. Has no effect without a stream.
    pub fn connected(&mut self, client: async_nats::Client) {
        if let Some(waiting) = self.client.take() {
            // The sink has ended only if the host stops.
            let _ = waiting.send(client);
        }
    }

    /// Ends the queue, and waits until the sinks have written what it holds, at most for `limit`.
    pub async fn finish(self, limit: Duration) {
        let Self {
            recorder,
            threads,
            numbers,
            client,
        } = self;
        recorder.end();
        // A stream that never had a connection waits for one no longer.
        drop(client);
        for numbers in &numbers.sinks {
            numbers.stop();
        }
        let ended = tokio::task::spawn_blocking(move || {
            for thread in threads {
                // A thread that panicked has lost its records, which the panic hook reports.
                let _ = thread.join();
            }
        });
        if tokio::time::timeout(limit, ended).await.is_err() {
            tracing::warn!("decision records were still being written at the stop");
        }
    }
}

impl AllNumbers {
    /// Returns the number of records that were lost, by all sinks and on the way to them.
    fn lost(&self) -> u64 {
        let sinks = self.sinks.iter().map(|numbers| numbers.lost());
        sinks.fold((self.queue)(), u64::saturating_add)
    }

    fn samples(&self) -> Vec<Sample> {
        let sinks = self.sinks.iter().flat_map(|numbers| numbers.samples());
        let queue = lost_sample("queue", (self.queue)());
        sinks.chain([queue]).collect()
    }
}

impl std::fmt::Debug for AllNumbers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AllNumbers")
            .field("sinks", &self.sinks)
            .finish_non_exhaustive()
    }
}

/// Returns a new id of a start of a host: 16 random hexadecimal digits.
fn start_id() -> String {
    let mut random = [0; 8];
    SystemRandomness.fill(&mut random);
    format!("{:016x}", u64::from_be_bytes(random))
}

#[cfg(test)]
mod tests;
