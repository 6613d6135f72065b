//! Times on the command line: absolute, or as a span before now.

use std::time::Duration;

use portcullis_environment::{Clock as _, SystemClock};

use crate::decide::arguments::time;

/// Parses a time to seconds since the Unix epoch: a time, a date, a span before now such as `7d`,
/// or seconds since 1970.
///
/// # Errors
///
/// Fails with the accepted forms.
pub(super) fn moment(text: &str) -> Result<u64, String> {
    moment_at(text, SystemClock.unix_seconds())
}

fn moment_at(text: &str, now: u64) -> Result<u64, String> {
    let date = format!("{text}T00:00:00Z");
    if let Ok(time) = time(text).or_else(|_| time(&date)) {
        return Ok(time);
    }
    let span: Result<Duration, _> = humantime::parse_duration(text);
    match span {
        // `now` is the beginning of a second, so the rest of the span needs one more.
        Ok(span) => {
            let rest = u64::from(span.subsec_nanos() > 0);
            Ok(now.saturating_sub(span.as_secs().saturating_add(rest)))
        }
        Err(_) => Err(
            "give a time such as `2026-01-31T12:00:00Z`, a date such as `2026-01-31`, a span before now such as `24h` \
             or `7d`, or seconds since 1970; times and dates are UTC"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_absolute_a_day_or_a_span_before_now() {
        let noon = 1_769_860_800;
        for (text, expected) in [
            ("2026-01-31T12:00:00Z", noon),
            ("2026-01-31 12:00:00", noon),
            ("1769860800", noon),
            ("2026-01-31", noon - 12 * 60 * 60),
            ("90m", noon - 90 * 60),
            ("500ms", noon - 1),
            ("7d", noon - 7 * 24 * 60 * 60),
        ] {
            assert_eq!(moment_at(text, noon), Ok(expected), "{text}");
        }
        for text in ["", "yesterday", "03:12", "7 moons", "2026-13-01"] {
            let error = moment_at(text, noon).unwrap_err();
            assert!(error.contains("`24h`"), "{text}: {error}");
        }
    }
}
