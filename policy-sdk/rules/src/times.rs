//! Times of day in which a login is valid.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::shown;

/// A part of every day (`times` of a user JWT). Servers admit a login only during one of its
/// ranges, and close the connection at the end of the range.
///
/// A start later than the end makes a range that passes midnight. Servers before 2.11.17, and
/// 2.12.0 to 2.12.7, apply such a range before midnight only. For them, a login after midnight
/// needs a second range that begins at `00:00:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    start: TimeOfDay,
    end: TimeOfDay,
}

/// A time of day in seconds precision: `HH:MM:SS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    /// Seconds since midnight.
    seconds: u32,
}

/// A reason why a range of times is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidTimeRange {
    /// A time cannot be parsed.
    Time(String),
    /// The text is not a range.
    Range(String),
    /// Start and end are identical.
    Empty(TimeOfDay),
}

impl fmt::Display for InvalidTimeRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(text) => write!(
                formatter,
                "invalid time `{text}`: expected `HH:MM:SS`, from `00:00:00` to `23:59:59`"
            ),
            Self::Range(text) => write!(
                formatter,
                "invalid range of times `{text}`: expected `HH:MM:SS-HH:MM:SS`"
            ),
            Self::Empty(time) => write!(
                formatter,
                "a range of times that starts and ends at {time} is empty: let it end later"
            ),
        }
    }
}

impl Error for InvalidTimeRange {}

impl TimeRange {
    /// Returns the part of every day from `start` to `end`, each `HH:MM:SS`.
    ///
    /// # Errors
    ///
    /// Fails if either is not a time of day, or if both are identical.
    pub fn new(start: &str, end: &str) -> Result<Self, InvalidTimeRange> {
        let (start, end) = (start.parse()?, end.parse()?);
        if start == end {
            return Err(InvalidTimeRange::Empty(start));
        }
        Ok(Self { start, end })
    }

    /// Returns the start of the range.
    pub const fn start(&self) -> TimeOfDay {
        self.start
    }

    /// Returns the end of the range.
    pub const fn end(&self) -> TimeOfDay {
        self.end
    }

    /// Returns whether the range ends on the day after it begins.
    pub fn passes_midnight(&self) -> bool {
        self.start > self.end
    }
}

impl fmt::Display for TimeRange {
    /// Writes `HH:MM:SS-HH:MM:SS`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.start, self.end)
    }
}

impl FromStr for TimeRange {
    type Err = InvalidTimeRange;

    /// Parses the form that [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (start, end) = text
            .split_once('-')
            .ok_or_else(|| InvalidTimeRange::Range(shown(text)))?;
        Self::new(start, end)
    }
}

impl FromStr for TimeOfDay {
    type Err = InvalidTimeRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        seconds(text)
            .map(|seconds| Self { seconds })
            .ok_or_else(|| InvalidTimeRange::Time(shown(text)))
    }
}

fn seconds(text: &str) -> Option<u32> {
    let mut parts = text.split(':');
    let mut part = |limit: u32| {
        let part = parts.next()?;
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        let value: u32 = digits.then(|| part.parse().ok())??;
        (value < limit).then_some(value)
    };
    let (hours, minutes, seconds) = (part(24)?, part(60)?, part(60)?);
    parts
        .next()
        .is_none()
        .then_some(hours * 3600 + minutes * 60 + seconds)
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes) = (self.seconds / 3600, self.seconds / 60 % 60);
        write!(
            formatter,
            "{hours:02}:{minutes:02}:{:02}",
            self.seconds % 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_what_they_write() {
        for text in ["00:00:00", "09:05:07", "23:59:59"] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_time_of_day_is_refused() {
        for text in [
            "",
            "9:00:00",
            "24:00:00",
            "12:60:00",
            "12:00:60",
            "12:00",
            "12:00:00:00",
            "+1:00:00",
            "12:00:0a",
            "12.00.00",
        ] {
            assert!(TimeRange::new(text, "12:00:00").is_err(), "{text}");
            assert!(TimeRange::new("12:00:00", text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_needs_two_different_times_and_may_pass_midnight() {
        assert!(TimeRange::new("12:00:00", "12:00:00").is_err());
        let night = TimeRange::new("22:00:00", "06:00:00").unwrap();
        assert!(night.start() > night.end());
    }

    #[test]
    fn ranges_read_what_they_write() {
        for text in ["08:00:00-18:00:00", "22:00:00-06:00:00"] {
            assert_eq!(text.parse::<TimeRange>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "-",
            "08:00:00",
            "08:00:00-",
            "-08:00:00",
            "08:00:00 - 18:00:00",
            "08:00:00-18:00:00-20:00:00",
        ] {
            assert!(text.parse::<TimeRange>().is_err(), "{text}");
        }
    }
}
