//! Logs on standard error.
//!
//! A separate thread writes them, so that a reader that stalls does not delay a login. Lines wait
//! in a bounded queue. Lines that do not fit are dropped and counted, unless the configuration says
//! to wait.

use std::env;
use std::fmt::Debug;
use std::io::{self, IsTerminal as _};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use portcullis_config::{InvalidLogFilter, LogFilter, LogFormat, WhenFull};
use portcullis_core::Sample;
use portcullis_toml::text::one_line;
use tracing::Subscriber;
use tracing::field::Field;
use tracing::subscriber::{SetGlobalDefaultError, set_global_default};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, filter, fmt};

use crate::log_filter::ReplaceableFilter;

/// Maximum number of lines in the queue: some megabytes.
const MAX_LINES: usize = 8192;
/// Maximum wait at the end of the program for lines to be written.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// Counter of dropped lines. The process has one, as it has one subscriber.
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// The filter of the log, which a reload replaces. The process has one, as it has one subscriber.
static FILTER: OnceLock<ReplaceableFilter> = OnceLock::new();

/// A reason why logs cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CannotLog {
    /// The filter was valid before and is not now.
    #[error("cannot use the log level")]
    Filter(#[from] filter::ParseError),
    /// Other code in this process has already set up logs.
    #[error("logs have been set up before")]
    Twice(#[from] SetGlobalDefaultError),
}

/// A guard that writes the rest of the log on drop, within two seconds.
#[derive(Debug)]
pub(crate) struct LogGuard(Option<WorkerGuard>);

impl Drop for LogGuard {
    fn drop(&mut self) {
        let Some(guard) = self.0.take() else { return };
        let (done, written) = mpsc::channel();
        // The guard itself may print, and then wait for a reader that never reads.
        let flush = thread::Builder::new().spawn(move || {
            drop(guard);
            // The program may have ended.
            let _ = done.send(());
        });
        if flush.is_ok() {
            let _ = written.recv_timeout(FLUSH_LIMIT);
        }
    }
}

/// Returns the number of lines that were dropped because nothing read them, as a metric. Empty if
/// [`init`] was not called.
pub(crate) fn samples() -> Vec<Sample> {
    let help = "Log lines that were dropped because nothing read them";
    let dropped = DROPPED.get().map(ErrorCounter::dropped_lines);
    let dropped = dropped.map(|lines| u64::try_from(lines).unwrap_or(u64::MAX));
    let sample = dropped.map(|lines| Sample::counter("log_lines_dropped", help, lines));
    sample.into_iter().collect()
}

/// Checks that the log can use `filter`.
///
/// # Errors
///
/// Fails if the part of the filter about spans is invalid.
pub(crate) fn check_filter(filter: &LogFilter) -> Result<(), InvalidLogFilter> {
    match EnvFilter::try_new(filter.as_str()) {
        Ok(_) => Ok(()),
        Err(_) => Err(InvalidLogFilter::new(filter.as_str())),
    }
}

/// Replaces the filter of the log. Has no effect if [`init`] was not called, or if the filter does
/// not pass [`check_filter`].
pub(crate) fn replace_filter(filter: &LogFilter) {
    if let (Some(current), Ok(new)) = (FILTER.get(), EnvFilter::try_new(filter.as_str())) {
        current.replace(new);
    }
}

/// Sends the events of the whole process to standard error. The format is either lines for humans,
/// in colour on a terminal unless `NO_COLOR` is set, or one flat JSON object a line. `when_full`
/// sets the treatment of lines that nothing reads. Panics are events too, because the default panic
/// hook would wait for a reader.
///
/// # Errors
///
/// Fails if logs have been set up before.
pub(crate) fn init(
    format: LogFormat,
    filter: &LogFilter,
    when_full: WhenFull,
) -> Result<LogGuard, CannotLog> {
    let colour = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(MAX_LINES)
        .lossy(when_full == WhenFull::Drop)
        .thread_name("portcullis-log")
        .finish(io::stderr());
    let guard = LogGuard(Some(guard));
    let dropped = writer.error_counter();
    let filter = ReplaceableFilter::new(EnvFilter::try_new(filter.as_str())?);
    let subscriber = subscriber(format, filter.clone(), colour, writer);
    set_global_default(subscriber)?;
    // Setting fails only after a first call, which the subscriber has already excluded.
    let _ = DROPPED.set(dropped);
    let _ = FILTER.set(filter);
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(error = %panic.to_string().replace('\n', " "), "the host panicked");
    }));
    Ok(guard)
}

fn subscriber<W>(
    format: LogFormat,
    filter: ReplaceableFilter,
    colour: bool,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(writer)
        // The subscriber would write its own errors to standard error, and panic if that is closed.
        .log_internal_errors(false);
    match format {
        LogFormat::Pretty => Box::new(
            builder
                .compact()
                .with_ansi(colour)
                .fmt_fields(debug_fn(write_field).delimited(" "))
                .finish()
                .with(filter)
                .with(discretion()),
        ),
        LogFormat::Json => Box::new(
            builder
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .finish()
                .with(filter)
                .with(discretion()),
        ),
    }
}

/// Writes a field on one line. Names of files and clients must not end a line, begin another one or
/// control the terminal.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> std::fmt::Result {
    let value = format!("{value:?}");
    let value = one_line(&value);
    match field.name() {
        "message" => write!(writer, "{value}"),
        name => write!(writer, "{name}={value}"),
    }
}

/// Excludes the finest lines of other crates at any level. At `trace`, async-nats writes whole
/// messages, passwords and tokens of clients included. At `info`, it has a line for each connection
/// attempt, and its connector has an error for each that fails. The service logs those itself, and
/// sums them up.
fn discretion() -> FilterFn {
    FilterFn::new(|event| {
        let target = event.target();
        let finest = if target.starts_with("async_nats::connector") {
            LevelFilter::OFF
        } else if target.starts_with("async_nats") {
            LevelFilter::WARN
        } else {
            LevelFilter::INFO
        };
        target.starts_with("portcullis") || *event.level() <= finest
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing::subscriber::with_default;
    use tracing::{debug, info, info_span};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn filter(level: &str) -> ReplaceableFilter {
        ReplaceableFilter::new(EnvFilter::try_new(level).unwrap())
    }

    /// Returns the log of two events, the second at debug level.
    fn written(format: LogFormat, level: &str, colour: bool) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = subscriber(format, filter(level), colour, move || writer.clone());
        with_default(subscriber, || {
            let _span = info_span!("request", cid = 7).entered();
            info!(
                policy.name = "static-users",
                elapsed_us = 12,
                "authorization decided"
            );
            debug!("second");
            tracing::trace!(target: "async_nats::connection", payload = "hunter2", "read");
            info!(target: "async_nats", "event: connected");
            tracing::error!(target: "async_nats::connector", "authorization violation");
        });
        let bytes = sink.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_is_one_flat_object_a_line() {
        let written = written(LogFormat::Json, "info", false);
        let lines: Vec<&str> = written.lines().collect();
        let [line] = lines.as_slice() else {
            panic!("expected one line, found {lines:?}");
        };
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let event = event.as_object().unwrap();
        assert_eq!(event["message"], "authorization decided");
        assert_eq!(event["level"], "INFO");
        assert_eq!(event["target"], "portcullis::telemetry::tests");
        assert_eq!(event["policy.name"], "static-users");
        assert_eq!(event["elapsed_us"], 12);
        assert!(event["timestamp"].as_str().unwrap().ends_with('Z'));
        assert_eq!(event.len(), 6, "{event:?}");
    }

    #[test]
    fn pretty_is_a_line_for_people_in_colour_only_if_asked() {
        let plain = written(LogFormat::Pretty, "info", false);
        assert_eq!(plain.lines().count(), 1);
        assert!(
            plain.contains("authorization decided policy.name=\"static-users\""),
            "{plain}"
        );
        assert!(!plain.contains('\u{1b}'), "{plain}");
        assert!(written(LogFormat::Pretty, "info", true).contains('\u{1b}'));
    }

    #[test]
    fn no_value_begins_a_line_or_controls_the_terminal() {
        let forged = "x\nINFO portcullis: authorization decided \u{1b}[31m\u{202e}.wasm";
        for format in [LogFormat::Json, LogFormat::Pretty] {
            let sink = Sink::default();
            let writer = sink.clone();
            let subscriber = subscriber(format, filter("info"), false, move || writer.clone());
            with_default(
                subscriber,
                || info!(file = %forged, text = forged, "{forged}"),
            );
            let written = String::from_utf8(sink.0.lock().clone()).unwrap();
            assert_eq!(written.lines().count(), 1, "{written}");
            assert!(!written.contains('\u{1b}'), "{written}");
        }
    }

    #[test]
    fn the_filter_decides_what_is_written() {
        assert!(written(LogFormat::Json, "debug", false).contains("second"));
        assert!(written(LogFormat::Json, "off,portcullis=debug", false).contains("second"));
        assert_eq!(written(LogFormat::Json, "warn", false), "");
    }

    #[test]
    fn connections_are_told_of_once() {
        for level in ["info", "trace"] {
            let written = written(LogFormat::Json, level, false);
            assert!(written.contains("authorization decided"), "{written}");
            assert!(!written.contains("event: connected"), "{written}");
        }
    }

    #[test]
    fn messages_that_other_crates_trace_are_never_written() {
        for format in [LogFormat::Json, LogFormat::Pretty] {
            let written = written(format, "trace", false);
            assert!(written.contains("second"), "{written}");
            assert!(!written.contains("hunter2"), "{written}");
        }
    }
}
