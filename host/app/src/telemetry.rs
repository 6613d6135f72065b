//! Logs, on standard error.

use std::env;
use std::io::{self, IsTerminal as _};

use tracing::Subscriber;
use tracing::subscriber::{SetGlobalDefaultError, set_global_default};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::{EnvFilter, filter, fmt};

use crate::config::{LogFilter, LogFormat};

/// Why logs cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CannotLog {
    /// The filter was accepted once and is not now.
    #[error("cannot use the log level")]
    Filter(#[from] filter::ParseError),
    /// Somebody else in this process writes logs.
    #[error("logs have been set up before")]
    Twice(#[from] SetGlobalDefaultError),
}

/// Sends the events of the whole process to standard error: lines for people, in colour on a terminal unless
/// `NO_COLOR` is set, or one flat JSON object a line.
///
/// # Errors
///
/// When logs have been set up before.
pub fn init(format: LogFormat, filter: &LogFilter) -> Result<(), CannotLog> {
    let colour = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let subscriber = subscriber(format, filter, colour, io::stderr)?;
    set_global_default(subscriber)?;
    Ok(())
}

fn subscriber<W>(
    format: LogFormat,
    filter: &LogFilter,
    colour: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, filter::ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = fmt()
        .with_env_filter(EnvFilter::try_new(filter.as_str())?)
        .with_writer(writer);
    Ok(match format {
        LogFormat::Pretty => Box::new(builder.compact().with_ansi(colour).finish()),
        LogFormat::Json => Box::new(
            builder
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false)
                .finish(),
        ),
    })
}
