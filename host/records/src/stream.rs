//! The sink that publishes records into a stream of `JetStream`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::jetstream::context::{GetStreamByNameErrorKind, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context};
use futures::future::join_all;
use portcullis_core::with_causes;
use portcullis_environment::{Clock as _, SystemClock};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::line::Line;
use crate::sink::{Sink, Unwritten};

/// The name of this sink in metrics and in the log.
pub(crate) const NAME: &str = "stream";

/// Maximum wait for an acknowledgement.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Interval between two looks for a stream that takes the records, while there is none.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// The options of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// The subject of every record. A stream has to capture it.
    pub subject: String,
    /// The `JetStream` domain of the stream. `None` for that of the servers.
    pub domain: Option<String>,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            subject: "portcullis.decisions".to_owned(),
            domain: None,
        }
    }
}

/// A reason why a record is not in the stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// No stream takes records of this subject.
    #[error("no stream captures `{0}`: create one, and let the host's user publish there")]
    NoStream(String),
    /// A stream may take the subject, and did not answer.
    #[error(
        "no stream answers on `{0}`: it was removed, it has no leader, or the servers have no JetStream now; `nats stream report` shows it"
    )]
    NoAnswer(String),
    #[error("the stream did not take the record")]
    Publish(#[source] PublishError),
    #[error("no connection was made before the host stopped or gave up")]
    NeverConnected,
}

/// The sink.
pub(crate) struct StreamSink {
    options: StreamOptions,
    runtime: Handle,
    connected: Option<oneshot::Receiver<Client>>,
    context: Option<Context>,
    capture: Capture,
    /// Whether a stream has captured the subject since the start.
    had_stream: bool,
    checked_at: Option<Instant>,
}

/// Whether a stream captures the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Capture {
    /// The host has not asked yet, or may not ask.
    Unknown,
    None,
    Some,
}

impl StreamSink {
    /// Returns a sink that publishes once `connected` has a client.
    pub(crate) const fn new(
        options: StreamOptions,
        runtime: Handle,
        connected: oneshot::Receiver<Client>,
    ) -> Self {
        Self {
            options,
            runtime,
            connected: Some(connected),
            context: None,
            capture: Capture::Unknown,
            had_stream: false,
            checked_at: None,
        }
    }

    /// Returns the context of the connection. Waits for the first one.
    fn context(&mut self) -> Result<Context, StreamError> {
        if let Some(context) = &self.context {
            return Ok(context.clone());
        }
        let connected = self.connected.take().ok_or(StreamError::NeverConnected)?;
        let client = self.runtime.block_on(connected);
        let client = client.map_err(|_| StreamError::NeverConnected)?;
        // The context starts a task of its own.
        let _entered = self.runtime.enter();
        let context = context(client, &self.options);
        self.context = Some(context.clone());
        Ok(context)
    }

    /// Looks for a stream that captures the subject, until one was found.
    fn check(&mut self) -> Result<(), StreamError> {
        let now = SystemClock.now();
        let is_due = self
            .checked_at
            .is_none_or(|last| now.saturating_duration_since(last) >= CHECK_INTERVAL);
        if self.capture == Capture::Some || !is_due {
            return Ok(());
        }
        let context = self.context()?;
        self.checked_at = Some(now);
        let subject = &self.options.subject;
        match self.runtime.block_on(context.stream_by_subject(subject)) {
            Ok(stream) => {
                self.capture = Capture::Some;
                self.had_stream = true;
                tracing::info!(
                    records.sink = NAME,
                    records.subject = *subject,
                    records.stream = stream,
                    "decision records go to a stream"
                );
                Ok(())
            }
            Err(error) if error.kind() == GetStreamByNameErrorKind::NotFound => {
                self.capture = Capture::None;
                Err(StreamError::NoStream(subject.clone()))
            }
            Err(error) => {
                // A user who may publish need not be allowed to list streams.
                tracing::debug!(
                    records.sink = NAME,
                    records.subject = *subject,
                    error = with_causes(&error),
                    "streams cannot be listed"
                );
                Ok(())
            }
        }
    }

    /// Publishes `lines` for those who follow the subject. Always fails, because no stream takes
    /// them.
    async fn announce(&self, context: &Context, lines: &[Arc<Line>]) -> Result<(), StreamError> {
        let subject = &self.options.subject;
        for line in lines {
            // A connection that is closed for good ends the host too.
            let _ = context.client().publish(subject.clone(), line.json()).await;
        }
        Err(StreamError::NoStream(subject.clone()))
    }

    /// Returns the failure of a record that the stream did not take.
    fn failed(&mut self, error: PublishError) -> StreamError {
        if error.kind() != PublishErrorKind::StreamNotFound {
            return StreamError::Publish(error);
        }
        let subject = self.options.subject.clone();
        if !self.had_stream {
            // Nothing shows that a stream will answer. Those who follow the subject have the
            // record, and another attempt would give it to them once more.
            return StreamError::NoStream(subject);
        }
        // The next attempt looks again whether there is a stream.
        self.capture = Capture::Unknown;
        StreamError::NoAnswer(subject)
    }

    /// Publishes `lines`, and waits for each acknowledgement.
    async fn publish(
        context: &Context,
        subject: &str,
        lines: &[Arc<Line>],
    ) -> Vec<Result<(), PublishError>> {
        let publish = lines.iter().map(|line| async {
            let message = PublishMessage::build()
                .payload(line.json())
                .message_id(&line.record().id);
            let subject = subject.to_owned();
            context.send_publish(subject, message).await?.await?;
            Ok(())
        });
        join_all(publish).await
    }
}

impl Sink for StreamSink {
    type Record = Line;
    type Error = StreamError;

    fn write(&mut self, lines: &[Arc<Line>]) -> (usize, Result<(), StreamError>) {
        let context = match self.context() {
            Ok(context) => context,
            Err(error) => return (0, Err(error)),
        };
        if let Err(error) = self.check()
            && self.capture != Capture::None
        {
            return (0, Err(error));
        }
        if self.capture == Capture::None {
            // Only those who follow the subject now receive the records. The host asks for no
            // acknowledgement, because one of them would have to give it.
            return (0, self.runtime.block_on(self.announce(&context, lines)));
        }
        let publishing = Self::publish(&context, &self.options.subject, lines);
        let results = self.runtime.block_on(publishing);
        let written = results.iter().take_while(|result| result.is_ok()).count();
        match results.into_iter().find_map(Result::err) {
            None => (written, Ok(())),
            Some(error) => (written, Err(self.failed(error))),
        }
    }

    fn unwritten(&self, error: &StreamError) -> Unwritten {
        match error {
            StreamError::NoAnswer(_) => Unwritten::Kept,
            // The stream may have the record. A repeated one has the same id, by which the stream
            // knows it.
            StreamError::Publish(error) if is_passing(error.kind()) => Unwritten::Repeated,
            _ => Unwritten::AsConfigured,
        }
    }

    fn tick(&mut self) -> Result<(), StreamError> {
        self.check()
    }
}

/// Returns the context of the stream's `JetStream`.
pub(crate) fn context(client: Client, options: &StreamOptions) -> Context {
    let builder = jetstream::context::ContextBuilder::new();
    match &options.domain {
        Some(domain) => builder
            .domain(domain)
            .ack_timeout(ACK_TIMEOUT)
            .build(client),
        None => builder.ack_timeout(ACK_TIMEOUT).build(client),
    }
}

/// Returns whether another attempt can succeed.
const fn is_passing(kind: PublishErrorKind) -> bool {
    matches!(
        kind,
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe | PublishErrorKind::MaxAckPending
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn records_wait_for_a_stream_that_was_there_and_for_one_that_is_slow() {
        let (_client, connected) = oneshot::channel();
        let options = StreamOptions::default();
        let mut sink = StreamSink::new(options, Handle::current(), connected);
        let never = sink.failed(PublishError::new(PublishErrorKind::StreamNotFound));
        assert_eq!(sink.unwritten(&never), Unwritten::AsConfigured);
        (sink.capture, sink.had_stream) = (Capture::Some, true);
        let mut fate = |kind| {
            let error = sink.failed(PublishError::new(kind));
            (sink.unwritten(&error), sink.capture)
        };
        let slow = fate(PublishErrorKind::TimedOut);
        assert_eq!(slow, (Unwritten::Repeated, Capture::Some));
        let refused = fate(PublishErrorKind::Other);
        assert_eq!(refused, (Unwritten::AsConfigured, Capture::Some));
        let gone = fate(PublishErrorKind::StreamNotFound);
        assert_eq!(gone, (Unwritten::Kept, Capture::Unknown));
    }
}
