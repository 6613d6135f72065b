//! The exporter of traces of logins: a bounded queue, a thread and a collector.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use portcullis_authority::{LoginTrace, TraceSink, Tracer, WhenRecordsFull};
use portcullis_core::Sample;
use tokio::runtime::Handle;

use crate::otlp::{Origin, OtlpSink, Traces};
use crate::sink::{self, SinkKind, SinkNumbers, SinkQueue};
use crate::sinks::new_start_id;
use crate::trace_options::TraceOptions;

/// The running exporter.
#[derive(Debug)]
pub struct TraceExporter {
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
    numbers: Arc<SinkNumbers>,
    one_in: u32,
}

/// The queue, until the exporter ends.
#[derive(Debug)]
struct Queue(ArcSwapOption<SinkQueue<LoginTrace>>);

impl TraceSink for Queue {
    fn send(&self, trace: LoginTrace) {
        if let Some(queue) = &*self.0.load() {
            queue.push(Arc::new(trace));
        }
    }
}

impl TraceExporter {
    /// Starts the exporter of a host of this name and version. `start_id` is the id of this start
    /// of the host, if it has one already. To be called in a tokio runtime, which sends the
    /// requests.
    ///
    /// # Errors
    ///
    /// Fails if the thread cannot be started.
    pub fn start(
        options: &TraceOptions,
        host_name: &str,
        host_version: &str,
        start_id: Option<&str>,
    ) -> std::io::Result<Self> {
        let origin = Origin {
            name: host_name.to_owned(),
            version: host_version.to_owned(),
            start: start_id.map_or_else(new_start_id, str::to_owned),
        };
        let (collector, runtime) = (options.collector.clone(), Handle::current());
        let max_queued = collector.max_queued;
        let sink = |numbers| OtlpSink::<Traces>::new(collector, origin, runtime, numbers);
        let drop = WhenRecordsFull::Drop;
        let (queue, numbers, thread) = sink::start(SinkKind::Traces, sink, drop, max_queued)?;
        Ok(Self {
            queue: Arc::new(Queue(ArcSwapOption::from_pointee(queue))),
            thread,
            numbers,
            one_in: options.one_in,
        })
    }

    /// Returns the maker of traces that fills the queue.
    pub fn tracer(&self) -> Tracer {
        let queue = Arc::clone(&self.queue);
        Tracer::new(queue, self.one_in)
    }

    /// Returns a source of metrics.
    pub fn metrics(&self) -> impl Fn() -> Vec<Sample> + Send + Sync + 'static {
        let numbers = Arc::clone(&self.numbers);
        move || numbers.samples().into()
    }

    /// Ends the queue, and waits until the collector has the traces in it, at most for `limit`.
    pub async fn finish(self, limit: Duration) {
        self.queue.0.store(None);
        self.numbers.stop();
        self.thread.thread().unpark();
        // A thread that panicked has lost its traces, which the panic hook reports.
        let ended = tokio::task::spawn_blocking(move || self.thread.join().is_ok());
        if tokio::time::timeout(limit, ended).await.is_err() {
            tracing::warn!("traces of logins were still being sent at the stop");
        }
    }
}
