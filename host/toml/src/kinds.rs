//! Kinds of values with units, and of names.

use std::time::Duration;

use bytesize::ByteSize;

use crate::invalid::InvalidValue;
use crate::kind::Kind;

/// Length of a year as `humantime` counts it: 365.25 days.
const A_YEAR: Duration = Duration::from_hours(8766);

/// Forms of time spans.
const ANY_DURATION: &str = "a duration such as `250ms` or `1h 30m`";
const WHOLE_SECONDS: &str = "a duration such as `30s` or `1h 30m`";

/// A non-empty text.
pub const TEXT: Kind<String> = Kind {
    expected: "a string",
    parse: |text| {
        if text.is_empty() {
            Err(InvalidValue::Empty)
        } else {
            Ok(text.to_owned())
        }
    },
};

/// A name without white space, such as that of an account or a queue group.
pub const WORD: Kind<String> = Kind {
    expected: "a name",
    parse: |text| {
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            Err(InvalidValue::unexpected("a name without blanks", text))
        } else {
            Ok(text.to_owned())
        }
    },
};

/// The name of an environment variable.
pub const VARIABLE: Kind<String> = Kind {
    expected: "the name of an environment variable",
    parse: |text| {
        let valid = !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !text.starts_with(|first: char| first.is_ascii_digit());
        // The error does not show the text, which may be a misplaced secret.
        valid.then(|| text.to_owned()).ok_or(InvalidValue::Secret(
            "the name of an environment variable: letters, digits and `_`",
        ))
    },
};

/// A time span, zero included. Spans above a year are mistakes, and clocks cannot add the longest
/// ones.
pub const DURATION: Kind<Duration> = Kind {
    expected: ANY_DURATION,
    parse: |text| duration(text, ANY_DURATION),
};

/// A time span above zero.
pub const SOME_TIME: Kind<Duration> = Kind {
    expected: DURATION.expected,
    parse: |text| at_least(text, Duration::from_nanos(1), "more than zero"),
};

/// A time span of whole seconds, zero included. Times in JWTs are whole seconds, so the rest of a
/// second would have no effect.
pub const SECONDS: Kind<Duration> = Kind {
    expected: WHOLE_SECONDS,
    parse: |text| {
        let span = duration(text, WHOLE_SECONDS)?;
        if span.subsec_nanos() == 0 {
            Ok(span)
        } else {
            Err(InvalidValue::out_of_range("whole seconds", text))
        }
    },
};

/// A time span of whole seconds above zero.
pub const SOME_SECONDS: Kind<Duration> = Kind {
    expected: SECONDS.expected,
    parse: |text| {
        let span = duration(text, WHOLE_SECONDS)?;
        reaches(span, Duration::from_secs(1), "at least one second", text)?;
        (SECONDS.parse)(text)
    },
};

/// A number of bytes above zero.
pub const SIZE: Kind<u64> = Kind {
    expected: "a size such as `16MiB` or `64KiB`",
    parse: |text| match text.parse::<ByteSize>() {
        Ok(ByteSize(0)) => Err(InvalidValue::Zero),
        Ok(ByteSize(bytes)) => Ok(bytes),
        Err(_) => Err(InvalidValue::unexpected(
            "a size such as `16MiB` or `64KiB`",
            text,
        )),
    },
};

/// Parses a time span of at least a second and at most `most`, which is `shown` in errors.
///
/// # Errors
///
/// Fails if `text` is not such a time span.
pub fn seconds_up_to(text: &str, most: Duration, shown: &str) -> Result<Duration, InvalidValue> {
    match at_least(text, Duration::from_secs(1), "at least one second") {
        Ok(span) if span > most => Err(InvalidValue::above(shown, text)),
        span => span,
    }
}

fn duration(text: &str, expected: &'static str) -> Result<Duration, InvalidValue> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= A_YEAR => Ok(duration),
        Ok(_) => Err(InvalidValue::above("1year", text)),
        Err(_) => Err(InvalidValue::unexpected(expected, text)),
    }
}

fn at_least(text: &str, least: Duration, bound: &'static str) -> Result<Duration, InvalidValue> {
    reaches((DURATION.parse)(text)?, least, bound, text)
}

fn reaches(
    span: Duration,
    least: Duration,
    bound: &'static str,
    text: &str,
) -> Result<Duration, InvalidValue> {
    if span < least {
        Err(InvalidValue::out_of_range(bound, text))
    } else {
        Ok(span)
    }
}
