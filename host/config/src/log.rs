//! Table `[log]`: the log on standard error.

use std::fmt;
use std::str::FromStr;

use portcullis_toml::{InvalidValue, Kind, Section};
use tracing::level_filters::LevelFilter;

/// The table `[log]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Format of the lines.
    pub format: LogFormat,
    /// Filter of the lines. Default: `info`.
    pub level: LogFilter,
    /// Treatment of lines while the log is not read.
    pub when_full: WhenFull,
}

/// The treatment of log lines while nothing reads them and their queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The host drops and counts lines that do not fit into the queue. The default.
    #[default]
    Drop,
    /// The host waits until the lines fit into the queue, and logins wait too.
    Block,
}

/// A format of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for humans.
    #[default]
    Pretty,
    /// One JSON object a line, for programs.
    Json,
}

/// A filter of log lines: a level (`info`), or levels by module (`info,portcullis_callout=debug`),
/// in the filter syntax of `tracing`. The levels are valid. Filters of spans are checked by the
/// program that uses the filter, because only `tracing-subscriber` can read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

/// A text that is not a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid log level `{text}`: use off, error, warn, info, debug or trace, or a filter such as \
     `info,portcullis_callout=debug`"
)]
pub struct InvalidLogFilter {
    text: String,
}

impl InvalidLogFilter {
    /// Returns the refusal of `text`.
    pub fn new(text: &str) -> Self {
        Self {
            text: text.escape_debug().take(80).collect(),
        }
    }
}

/// A text that is not a format of the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `pretty` or `json`, found `{text}`")]
pub struct InvalidLogFormat {
    text: String,
}

const FORMAT: Kind<LogFormat> = Kind {
    expected: "`pretty` or `json`",
    parse: |text| text.parse().map_err(InvalidValue::rule),
};

const WHEN_FULL: Kind<WhenFull> = Kind {
    expected: "`drop` or `block`",
    parse: |text| match text {
        "drop" => Ok(WhenFull::Drop),
        "block" => Ok(WhenFull::Block),
        _ => Err(InvalidValue::unexpected("`drop` or `block`", text)),
    },
};

const LEVEL: Kind<LogFilter> = Kind {
    expected: "a level such as `info`, or a filter such as `info,portcullis_callout=debug`",
    parse: |text| text.parse().map_err(InvalidValue::rule),
};

impl Log {
    pub(crate) fn read(mut section: Section<'_>) -> Option<Self> {
        let format = section.value("format", &FORMAT, LogFormat::default());
        let level = section.value("level", &LEVEL, LogFilter::default());
        let when_full = section.value("when-full", &WHEN_FULL, WhenFull::default());
        section.finish();
        Some(Self {
            format: format?,
            level: level?,
            when_full: when_full?,
        })
    }
}

impl LogFormat {
    /// All formats.
    pub const ALL: [Self; 2] = [Self::Pretty, Self::Json];

    /// Returns the name of the format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pretty => "pretty",
            Self::Json => "json",
        }
    }

    /// Returns the description of the format, as a sentence.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Pretty => "Lines for humans",
            Self::Json => "One JSON object a line, for programs",
        }
    }
}

impl FromStr for LogFormat {
    type Err = InvalidLogFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|format| format.as_str() == text)
            .ok_or_else(|| InvalidLogFormat {
                text: text.escape_debug().to_string(),
            })
    }
}

impl LogFilter {
    /// Returns the filter as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the filter `info`.
impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for LogFilter {
    type Err = InvalidLogFilter;

    /// Parses a filter. A bare word must be a level. `tracing` would read a misspelt level as the
    /// name of a module, show everything of that module and nothing else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_valid = |directive: &str| {
            let names_span = directive.contains(['[', ']', '{', '}']);
            let level = directive
                .rsplit_once('=')
                .map_or(directive, |(_, level)| level);
            names_span || level.parse::<LevelFilter>().is_ok()
        };
        if !text.is_empty() && text.split(',').map(str::trim).all(is_valid) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLogFilter::new(text))
        }
    }
}
