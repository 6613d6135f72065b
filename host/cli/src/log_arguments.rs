//! Arguments of commands about the log.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use portcullis_config::{InvalidLogFilter, LogFilter, LogFormat};

use crate::telemetry;

/// Returns a parser of the formats of the log.
pub(crate) fn log_format() -> impl TypedValueParser<Value = LogFormat> {
    let names =
        LogFormat::ALL.map(|format| PossibleValue::new(format.as_str()).help(format.description()));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<LogFormat>())
}

/// Parses a filter of log lines, and checks that the log can use it.
pub(crate) fn log_filter(text: &str) -> Result<LogFilter, InvalidLogFilter> {
    let filter = text.parse()?;
    telemetry::check_filter(&filter)?;
    Ok(filter)
}
