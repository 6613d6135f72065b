//! Values of arguments that servers or people would stumble over.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_core::{ConnectionType, PublicKey};

use super::lifetime::Lifetime;
use crate::span::span;

/// Maximum time until a JWT expires: 100 years. Servers count the time left in 64-bit nanoseconds.
/// A time more than 292 years away overflows, so that the JWT has expired at once.
const MAX_LIFETIME: Duration = Duration::from_hours(100 * 8766);

const TOO_LATE: &str = "a JWT is valid for at most `100y`; `never` is without an end";

/// Maximum length of a name, in bytes: that of a file's name, which nsc makes of it.
const MAX_NAME_LENGTH: usize = 255;

/// Parses the name of an operator, an account or a user. Commands tell names and public keys apart
/// by their form, and print a name on one line.
pub(super) fn name(text: &str) -> Result<String, String> {
    let breaks = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    let problem = if text.trim() != text || text.is_empty() {
        "a name is not empty, and does not begin or end with a space"
    } else if text.contains(breaks) {
        "a name has no control characters"
    } else if text.len() > MAX_NAME_LENGTH {
        "a name has at most 255 bytes"
    } else if text == "*" || text.parse::<PublicKey>().is_ok() {
        "a name is not a public key, and not `*`"
    } else {
        return Ok(text.to_owned());
    };
    Err(problem.to_owned())
}

/// Parses a tag. An empty one says nothing.
pub(super) fn tag(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a tag is not empty".to_owned());
    }
    one(text, "tag")
}

/// Parses a subject of permissions, perhaps with a queue after a space.
pub(super) fn permission(text: &str) -> Result<String, String> {
    match text.split(' ').find_map(misplaced_wildcard) {
        None => one(text, "subject"),
        Some(problem) => Err(problem),
    }
}

/// Refuses a list, which other tools split at its commas. It would be one entry, which stands for
/// nothing that was meant.
fn one(text: &str, what: &str) -> Result<String, String> {
    if text.contains(',') {
        return Err(format!(
            "a comma makes no list: give the option again for each {what}; `--patch` takes a {what} with a comma"
        ));
    }
    Ok(text.to_owned())
}

/// Returns what is wrong with the wildcards of a subject. The validation of JWTs accepts such a
/// subject. It stands for nothing, and nats-server 2.15.1 leaves it out of the permissions.
pub(super) fn misplaced_wildcard(subject: &str) -> Option<String> {
    let (head, _) = subject.rsplit_once('.')?;
    let is_misplaced = head.split('.').any(|token| token == ">");
    is_misplaced.then(|| format!("`>` in `{subject}` is not at the end, so it stands for nothing"))
}

/// Parses a connection type, in any case.
pub(super) fn connection_type(text: &str) -> Result<String, String> {
    let known = text.parse::<ConnectionType>();
    let known = known.map_err(|error| error.to_string())?;
    Ok(known.as_str().to_owned())
}

/// Parses the time until a JWT expires, or the time at which it does.
pub(super) fn lifetime(text: &str) -> Result<Lifetime, String> {
    if text == "never" {
        return Ok(Lifetime::Unlimited);
    }
    if let Some(time) = date(text) {
        let latest = SystemTime::now().checked_add(MAX_LIFETIME);
        if latest.is_some_and(|latest| time > latest) {
            return Err(TOO_LATE.to_owned());
        }
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        return Ok(Lifetime::Until(since.as_secs()));
    }
    match humantime::parse_duration(text) {
        Ok(time) if time > MAX_LIFETIME => {
            Err(TOO_LATE.to_owned())
        }
        Ok(time) if time >= Duration::from_secs(1) => Ok(Lifetime::Limited(time)),
        Ok(_) => Err("a JWT is valid for one second or more".to_owned()),
        Err(_) => Err(
            "expected a time such as `90d`, a date such as `2027-01-31` or `2027-01-31T12:00:00Z`, or `never`"
                .to_owned(),
        ),
    }
}

/// Returns the time of a date, at its beginning (UTC), or of a date and a time of day.
fn date(text: &str) -> Option<SystemTime> {
    let is_date = text.len() == 10 && text.bytes().filter(|byte| *byte == b'-').count() == 2;
    let text = if is_date {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    humantime::parse_rfc3339_weak(&text).ok()
}

/// Parses a time above zero.
pub(crate) fn some_time(text: &str) -> Result<Duration, String> {
    let time = span(text)?;
    if time.is_zero() {
        return Err("a time is more than zero".to_owned());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_from_keys_and_stay_on_a_line() {
        for text in ["APP", "a b", "größe/1", "A", &"n".repeat(255)] {
            assert_eq!(name(text).unwrap(), text);
        }
        let key = "ABJHLOVMPA4CI6R5KLNGOB4GSLNIY7IOUPAJC4YFNDLQVIOBYQGUWVLA";
        for text in [
            "",
            " ",
            " a",
            "a\n",
            "a\tb",
            "a\u{2028}b",
            key,
            "*",
            &"n".repeat(256),
        ] {
            assert!(name(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_tag_says_something() {
        assert_eq!(tag("team:a b").unwrap(), "team:a b");
        assert!(tag("").is_err() && tag(" ").is_err());
    }

    #[test]
    fn a_wildcard_for_the_rest_is_at_the_end() {
        for text in [">", "a.>", "a>.b", "*.a", "a.> queue", "q.*"] {
            assert_eq!(permission(text).unwrap(), text);
        }
        for text in [">.a", "a.>.b", "a.>.>", "a.>.b queue"] {
            let problem = permission(text).unwrap_err();
            assert!(problem.contains("not at the end"), "{problem}");
        }
    }

    #[test]
    fn connection_types_are_those_that_servers_know() {
        assert_eq!(connection_type("websocket").unwrap(), "WEBSOCKET");
        let problem = connection_type("tcp").unwrap_err();
        assert!(problem.contains("expected STANDARD"), "{problem}");
    }

    #[test]
    fn a_time_without_an_extent_is_refused() {
        // Servers read a time of zero for replies as their default of two minutes.
        assert_eq!(some_time("1ms").unwrap(), Duration::from_millis(1));
        for text in ["0s", "0ms", "", "soon"] {
            assert!(some_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_with_commas_is_not_taken_for_one_entry() {
        assert_eq!(permission("a.> q").unwrap(), "a.> q");
        assert_eq!(tag("team:a").unwrap(), "team:a");
        for error in [permission("a.>,b").unwrap_err(), tag("a,b").unwrap_err()] {
            assert!(error.contains("give the option again for each"), "{error}");
        }
    }

    #[test]
    fn a_jwt_lives_for_a_second_or_more() {
        assert_eq!(lifetime("never").unwrap(), Lifetime::Unlimited);
        let minute = Lifetime::Limited(Duration::from_mins(1));
        assert_eq!(lifetime("60s").unwrap(), minute);
        assert!(lifetime("100y").is_ok());
        let date = Lifetime::Until(1_798_761_600);
        for text in ["2027-01-01", "2027-01-01T00:00:00Z", "2027-01-01 00:00:00"] {
            assert_eq!(lifetime(text).unwrap(), date, "{text}");
        }
        for text in [
            "0s",
            "999ms",
            "soon",
            "",
            "101y",
            "300y",
            "2500-01-01",
            "2027-13-01",
            "2027-01",
        ] {
            assert!(lifetime(text).is_err(), "{text}");
        }
    }
}
