//! All sinks of a host, from their start to their end.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portcullis_authority::{RecordedFacts, Recorder, RecorderOptions, WhenRecordsFull};
use portcullis_core::Sample;
use portcullis_environment::{Clock as _, Randomness as _, SystemClock, SystemRandomness};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::interval;

use crate::dispatcher::{self, Queues};
use crate::event::{self, EventOptions, EventQueue, EventSink};
use crate::file::{FileError, FileOptions, FileSink};
use crate::live::{self, LiveHost, LiveOptions, LiveRecords};
use crate::otlp::{Logs, Origin, OtlpOptions, OtlpSink};
use crate::receiver::{ReceiverSink, RecordReceiver};
use crate::sink::{
    self, LossReport, MAX_QUEUED, QUEUE, SinkKind, SinkNumbers, SinkQueue, Started, lost_sample,
};
use crate::stream::{self, StreamOptions, StreamSink};

/// Interval at which the host looks whether records were lost.
const REPORTS: Duration = Duration::from_secs(1);

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
    /// A collector of OTLP logs. `None` sends nothing.
    pub otlp: Option<OtlpOptions>,
    /// Events for the accounts of logins. `None` publishes none.
    pub events: Option<EventOptions>,
    /// The newest records in memory, which the host answers with. `None` keeps none.
    pub live: Option<LiveOptions>,
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
    start_id: String,
    /// The thread of each place, by its name in the log, and that of the queue.
    threads: Vec<(&'static str, JoinHandle<()>)>,
    numbers: AllNumbers,
    /// The tasks that log losses and answer questions for records.
    tasks: JoinSet<()>,
    /// The sink of events, if it waits for the first connection.
    events: Option<oneshot::Sender<async_nats::Client>>,
    /// The stream, if it waits for the first connection.
    stream: Option<StreamConnection>,
    /// The endpoint that answers questions, if it waits for the first connection.
    endpoint: Option<oneshot::Sender<async_nats::Client>>,
}

/// The numbers of the sinks, for metrics.
#[derive(Clone)]
pub(crate) struct AllNumbers {
    sinks: Vec<Arc<SinkNumbers>>,
    queue: Arc<dyn Fn() -> u64 + Send + Sync>,
    queue_losses: Arc<LossReport>,
}

/// The place for the connection of the stream. Dropping it tells the stream that it gets none.
#[derive(Debug)]
pub struct StreamConnection(oneshot::Sender<async_nats::Client>);

impl StreamConnection {
    /// Gives the stream its connection.
    pub fn connected(self, client: async_nats::Client) {
        // The sink has ended only if the host stops.
        let _ = self.0.send(client);
    }
}

impl Default for RecordOptions {
    fn default() -> Self {
        Self {
            facts: RecordedFacts::default(),
            when_full: WhenRecordsFull::default(),
            max_pending: RecorderOptions::MAX_PENDING,
            file: None,
            stream: None,
            otlp: None,
            events: None,
            live: None,
        }
    }
}

impl RecordOptions {
    /// Returns whether logins are recorded.
    pub const fn is_on(&self) -> bool {
        let is_whole = self.file.is_some() || self.stream.is_some() || self.otlp.is_some();
        is_whole || self.events.is_some() || self.live.is_some()
    }
}

impl RecordSinks {
    /// Starts the sinks of a host of this name and version, and `receiver` as another one. Returns
    /// `None` if logins are not recorded. To be called in a tokio runtime, which the stream and the
    /// collector use.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be opened, or if a thread cannot be started.
    pub fn start(
        options: &RecordOptions,
        receiver: Option<RecordReceiver>,
        host_name: &str,
        host_version: &str,
    ) -> Result<Option<Self>, CannotRecord> {
        if !options.is_on() && receiver.is_none() {
            return Ok(None);
        }
        let origin = Origin {
            name: host_name.to_owned(),
            version: host_version.to_owned(),
            start: new_start_id(),
        };
        let (recorder, records) = Recorder::queue(RecorderOptions {
            host_name: origin.name.clone(),
            host_version: origin.version.clone(),
            start: origin.start.clone(),
            facts: options.facts,
            when_full: options.when_full,
            max_pending: options.max_pending,
        });
        let mut sinks = Self {
            recorder,
            start_id: origin.start.clone(),
            threads: Vec::new(),
            numbers: AllNumbers {
                sinks: Vec::new(),
                queue: Arc::new(records.lost()),
                queue_losses: Arc::default(),
            },
            tasks: JoinSet::new(),
            events: None,
            stream: None,
            endpoint: None,
        };
        let mut queues = sinks.start_places(options, &origin)?;
        if let Some(receiver) = receiver {
            let sink = |_| ReceiverSink(receiver);
            let started = sink::start(
                SinkKind::Records("own"),
                sink,
                options.when_full,
                MAX_QUEUED,
            );
            queues.records.push(sinks.add(started)?);
        }
        sinks.tasks.spawn(sinks.numbers.clone().keep_reporting());
        let dispatching = thread::Builder::new()
            .name("records".to_owned())
            .spawn(move || dispatcher::run(records, &queues))
            .map_err(CannotRecord::Thread)?;
        sinks.threads.push((QUEUE, dispatching));
        Ok(Some(sinks))
    }

    /// Starts the sink of each place. Returns their queues.
    fn start_places(
        &mut self,
        options: &RecordOptions,
        origin: &Origin,
    ) -> Result<Queues, CannotRecord> {
        let mut queues = Queues::default();
        let when_full = options.when_full;
        if let Some(file) = options.file.clone() {
            let file = FileSink::open(file)?;
            let started = sink::start(SinkKind::Records("file"), |_| file, when_full, MAX_QUEUED);
            queues.records.push(self.add(started)?);
        }
        if let Some(stream) = options.stream.clone() {
            let (client, connected) = oneshot::channel();
            let runtime = Handle::current();
            let sink = |_| StreamSink::new(stream, runtime, connected);
            let started = sink::start(SinkKind::Records(stream::NAME), sink, when_full, MAX_QUEUED);
            queues.records.push(self.add(started)?);
            self.stream = Some(StreamConnection(client));
        }
        if let Some(otlp) = options.otlp.clone() {
            let max_queued = otlp.max_queued;
            let (origin, runtime) = (origin.clone(), Handle::current());
            let sink = |numbers| OtlpSink::<Logs>::new(otlp, origin, runtime, numbers);
            let started = sink::start(SinkKind::Records("otlp"), sink, when_full, max_queued);
            queues.records.push(self.add(started)?);
        }
        if let Some(options) = options.events.clone() {
            queues.events = Some(self.start_events(options)?);
        }
        if let Some(options) = &options.live {
            queues.live = Some(self.start_endpoint(options, origin));
        }
        Ok(queues)
    }

    /// Starts the endpoint. Returns the memory that it answers with.
    fn start_endpoint(&mut self, options: &LiveOptions, origin: &Origin) -> Arc<LiveRecords> {
        let host = LiveHost {
            name: origin.name.clone(),
            version: origin.version.clone(),
            start: origin.start.clone(),
        };
        let live = Arc::new(LiveRecords::new(options, host));
        let (client, connected) = oneshot::channel();
        let subject = options.subject.clone();
        self.tasks
            .spawn(live::serve(Arc::clone(&live), subject, connected));
        self.endpoint = Some(client);
        live
    }

    fn start_events(&mut self, options: EventOptions) -> Result<EventQueue, CannotRecord> {
        let (client, connected) = oneshot::channel();
        let runtime = Handle::current();
        let sink = |numbers| EventSink::new(runtime, connected, numbers);
        let kind = SinkKind::Records("events");
        let queue = self.add(sink::start(kind, sink, event::WHEN_FULL, MAX_QUEUED))?;
        self.events = Some(client);
        Ok(EventQueue { options, queue })
    }

    /// Returns the filling end of the queue.
    pub fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// Returns the id of this start of the host, which records have.
    pub fn start_id(&self) -> &str {
        &self.start_id
    }

    /// Returns a source of metrics.
    pub fn metrics(&self) -> impl Fn() -> Vec<Sample> + Send + Sync + 'static {
        let numbers = self.numbers.clone();
        move || numbers.samples()
    }

    fn add<R>(
        &mut self,
        started: std::io::Result<Started<R>>,
    ) -> Result<SinkQueue<R>, CannotRecord> {
        let (queue, numbers, thread) = started.map_err(CannotRecord::Thread)?;
        self.threads.push((numbers.name(), thread));
        self.numbers.sinks.push(numbers);
        Ok(queue)
    }

    /// Takes the stream's place for a connection out, if the stream has one of its own. `None`
    /// without a stream.
    pub const fn take_stream(&mut self) -> Option<StreamConnection> {
        self.stream.take()
    }

    /// Gives the stream, the events and the endpoint their connection. Has no effect without them.
    pub fn connected(&mut self, client: async_nats::Client) {
        if let Some(stream) = self.stream.take() {
            stream.connected(client.clone());
        }
        if let Some(events) = self.events.take() {
            // The sink has ended only if the host stops.
            let _ = events.send(client.clone());
        }
        if let Some(endpoint) = self.endpoint.take() {
            // The endpoint has ended only if the host stops.
            let _ = endpoint.send(client);
        }
    }

    /// Ends the queue, and waits until the sinks have written what it holds, at most for `limit`.
    pub async fn finish(self, limit: Duration) {
        let Self {
            recorder,
            threads,
            numbers,
            events,
            stream,
            ..
        } = self;
        recorder.end();
        // A sink that never had a connection waits for one no longer.
        drop((events, stream));
        for numbers in &numbers.sinks {
            numbers.stop();
        }
        // A sink may wait for its next attempt.
        for (_, thread) in &threads {
            thread.thread().unpark();
        }
        let unfinished = unfinished(threads, limit).await;
        numbers.report();
        for name in unfinished {
            tracing::warn!(
                records.sink = name,
                "decision records were still being written at the stop"
            );
        }
    }
}

/// Waits for the threads, at most for `limit`. Returns the names of those that have not ended.
async fn unfinished(
    threads: Vec<(&'static str, JoinHandle<()>)>,
    limit: Duration,
) -> Vec<&'static str> {
    let mut names: Vec<_> = threads.iter().map(|(name, _)| *name).collect();
    let mut ends = JoinSet::new();
    for (name, thread) in threads {
        ends.spawn_blocking(move || {
            // A thread that panicked has lost its records, which the panic hook reports.
            let _ = thread.join();
            name
        });
    }
    let all = async {
        while let Some(ended) = ends.join_next().await {
            names.retain(|name| !ended.as_ref().is_ok_and(|ended| ended == name));
        }
    };
    // The names say whether the limit was reached.
    let _ = tokio::time::timeout(limit, all).await;
    names
}

impl AllNumbers {
    /// Logs losses for ever. The queue loses records also while none passes it, and a sink while it
    /// waits for its place.
    async fn keep_reporting(self) {
        let mut ticks = interval(REPORTS);
        loop {
            ticks.tick().await;
            self.report();
        }
    }

    /// Logs what each place and the queue have lost since their last lines, if a line is due.
    fn report(&self) {
        let now = SystemClock.now();
        let queue = SinkKind::Records(QUEUE);
        self.queue_losses.write(queue, (self.queue)(), now);
        for numbers in &self.sinks {
            numbers.report_losses(now);
        }
    }

    fn samples(&self) -> Vec<Sample> {
        let sinks = self.sinks.iter().flat_map(|numbers| numbers.samples());
        let queue = lost_sample(QUEUE, (self.queue)());
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
pub(crate) fn new_start_id() -> String {
    let mut random = [0; 8];
    SystemRandomness.fill(&mut random);
    format!("{:016x}", u64::from_be_bytes(random))
}

#[cfg(test)]
mod tests;
