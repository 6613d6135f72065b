//! Times of day and time zones, as the server reads them.

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::refusal::Refusal;
use super::version::ServerVersion;
use crate::user::TimeRule;

const DAY: i64 = 24 * 60 * 60;

/// Returns the end of a login at `now` with the given `times` in the time zone `location`, for a
/// server of `version`. Both times are in seconds since the Unix epoch. `None` if `times` is empty.
///
/// # Errors
///
/// Fails with [`Refusal::OutsideTimes`] if `now` is in none of the `times`. Fails with
/// [`Refusal::TimeZoneUnknown`] if the zone is not in the database or is the server's own.
pub fn login_ends(
    times: &[TimeRule],
    location: Option<&str>,
    now: u64,
    version: ServerVersion,
) -> Result<Option<u64>, Refusal> {
    if times.is_empty() {
        return Ok(None);
    }
    let zone = location.and_then(zone).ok_or(Refusal::TimeZoneUnknown)?;
    let now = i64::try_from(now).map_err(|_| Refusal::OutsideTimes)?;
    allowed_until(times, zone, now, version.handles_midnight())
        .and_then(|until| u64::try_from(until).ok())
        .map(Some)
        .ok_or(Refusal::OutsideTimes)
}

/// Returns the seconds since midnight. Accepts an hour of one digit, and drops a fraction of a
/// second, as Go's `time.Parse` with `15:04:05` does.
pub(super) fn second_of_day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let second = match second.split_once(['.', ',']) {
        Some((second, fraction)) if is_digits(fraction) => second,
        Some(_) => return None,
        None => second,
    };
    if !(1..=2).contains(&hour.len()) || minute.len() != 2 || second.len() != 2 {
        return None;
    }
    let hour = number(hour, 24)?;
    let minute = number(minute, 60)?;
    Some(hour * 3600 + minute * 60 + number(second, 60)?)
}

/// Returns whether `text` is a time of day as Go's `time.Parse` reads it with `15:04:05`.
pub fn is_time_of_day(text: &str) -> bool {
    second_of_day(text).is_some()
}

/// Returns whether `name` is that of a time zone: one of the database, or `Local`, the server's
/// own.
pub fn is_time_zone(name: &str) -> bool {
    name == "Local" || zone(name).is_some()
}

fn number(text: &str, below: i64) -> Option<i64> {
    let number = is_digits(text).then(|| text.parse().ok()).flatten()?;
    (number < below).then_some(number)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns a time zone by its name in the time zone database. `None` for `Local`, the server's own,
/// which only the server knows.
pub(super) fn zone(name: &str) -> Option<Tz> {
    name.parse().ok()
}

/// Returns the time until which `ranges` admit a user at `now`, in seconds since the Unix epoch.
/// `None` if they do not.
///
/// `handles_midnight` selects between the two ways in which servers read ranges. The first second
/// of a range is part of it, because a server counts fractions of seconds.
fn allowed_until(ranges: &[TimeRule], zone: Tz, now: i64, handles_midnight: bool) -> Option<i64> {
    let today = (now + offset(zone, now)?).div_euclid(DAY);
    let at = |day: i64, second: i64| instant(zone, day * DAY + second);
    let mut until: Option<i64> = None;
    for range in ranges {
        let start_of_day = second_of_day(&range.start)?;
        let end_of_day = second_of_day(&range.end)?;
        let crosses = start_of_day > end_of_day;
        let start = at(today, start_of_day)?;
        let end = at(today, end_of_day)?;
        let tomorrow = at(today + 1, end_of_day)?;
        if handles_midnight {
            let end = match (start <= now && end > now, start > end) {
                (true, _) => Some(end),
                (false, true) if end > now => Some(end),
                (false, true) if start <= now && tomorrow > now => Some(tomorrow),
                _ => None,
            };
            until = until.max(end);
        } else {
            let end = if crosses { tomorrow } else { end };
            if start <= now && end > now {
                return Some(end);
            }
        }
    }
    until
}

/// Returns the zone's distance from UTC at an instant, in seconds.
fn offset(zone: Tz, instant: i64) -> Option<i64> {
    let instant = DateTime::from_timestamp(instant, 0)?.naive_utc();
    let offset = zone.offset_from_utc_datetime(&instant).fix();
    Some(offset.local_minus_utc().into())
}

/// Returns the instant of a local time, which is given in seconds as if it were UTC. When clocks
/// change, the choice is Go's.
fn instant(zone: Tz, local: i64) -> Option<i64> {
    let guess = local - offset(zone, local)?;
    Some(local - offset(zone, guess)?)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("08:30:05", Some(30_605))]
    #[case("8:30:05", Some(30_605))]
    #[case("08:30:05.25", Some(30_605))]
    #[case("23:59:59", Some(86_399))]
    #[case("24:00:00", None)]
    #[case("08:60:00", None)]
    #[case("08:00:60", None)]
    #[case("08:00", None)]
    #[case("8:0:0", None)]
    #[case("+8:00:00", None)]
    #[case("008:00:00", None)]
    #[case("08:00:00.", None)]
    #[case("08:00:00 ", None)]
    #[case("", None)]
    fn times_of_day_are_read_as_go_reads_them(#[case] text: &str, #[case] expected: Option<i64>) {
        assert_eq!(second_of_day(text), expected);
    }

    /// Returns a time of 2026-11-23 in Berlin, which is an hour ahead of UTC.
    fn berlin(hour: i64, minute: i64) -> i64 {
        1_795_388_400 + hour * 3600 + minute * 60
    }

    fn until(ranges: &[(&str, &str)], now: i64, handles_midnight: bool) -> Option<i64> {
        let ranges: Vec<_> = ranges
            .iter()
            .map(|(start, end)| TimeRule {
                start: (*start).to_owned(),
                end: (*end).to_owned(),
            })
            .collect();
        allowed_until(&ranges, Tz::Europe__Berlin, now, handles_midnight)
    }

    #[rstest]
    #[case(berlin(8, 0), Some(berlin(18, 0)))]
    #[case(berlin(17, 59), Some(berlin(18, 0)))]
    #[case(berlin(18, 0), None)]
    #[case(berlin(7, 59), None)]
    fn a_range_of_one_day_is_read_alike(
        #[case] now: i64,
        #[case] expected: Option<i64>,
        #[values(false, true)] handles_midnight: bool,
    ) {
        assert_eq!(
            until(&[("08:00:00", "18:00:00")], now, handles_midnight),
            expected
        );
    }

    #[rstest]
    #[case(berlin(23, 0), true, Some(berlin(30, 0)))]
    #[case(berlin(23, 0), false, Some(berlin(30, 0)))]
    #[case(berlin(5, 0), true, Some(berlin(6, 0)))]
    #[case(berlin(5, 0), false, None)]
    #[case(berlin(12, 0), true, None)]
    #[case(berlin(12, 0), false, None)]
    fn a_night_holds_after_midnight_on_later_servers_only(
        #[case] now: i64,
        #[case] handles_midnight: bool,
        #[case] expected: Option<i64>,
    ) {
        assert_eq!(
            until(&[("22:00:00", "06:00:00")], now, handles_midnight),
            expected
        );
    }

    #[test]
    fn of_several_ranges_later_servers_take_the_longest() {
        let ranges = [("08:00:00", "12:00:00"), ("09:00:00", "18:00:00")];
        assert_eq!(until(&ranges, berlin(10, 0), true), Some(berlin(18, 0)));
        assert_eq!(until(&ranges, berlin(10, 0), false), Some(berlin(12, 0)));
    }

    #[test]
    fn a_login_ends_with_the_range_it_began_in() {
        let night = [TimeRule {
            start: "22:00:00".to_owned(),
            end: "06:00:00".to_owned(),
        }];
        let berlin_at = |hour| u64::try_from(berlin(hour, 0)).unwrap();
        let ends = |location, hour, version| login_ends(&night, location, berlin_at(hour), version);
        let (zone, newest) = (Some("Europe/Berlin"), ServerVersion::NEWEST);
        assert_eq!(ends(zone, 5, newest), Ok(Some(berlin_at(6))));
        assert_eq!(
            ends(zone, 5, ServerVersion::OLDEST),
            Err(Refusal::OutsideTimes)
        );
        assert_eq!(ends(zone, 12, newest), Err(Refusal::OutsideTimes));
        for location in [None, Some(""), Some("Local"), Some("Mars/Olympus")] {
            assert_eq!(ends(location, 5, newest), Err(Refusal::TimeZoneUnknown));
        }
        assert_eq!(login_ends(&[], None, 0, newest), Ok(None));
    }

    #[test]
    fn an_empty_range_admits_no_client() {
        for handles_midnight in [false, true] {
            let range = [("08:00:00", "08:00:00")];
            assert_eq!(until(&range, berlin(8, 0), handles_midnight), None);
        }
    }

    #[rstest]
    #[case("Europe/Berlin", true)]
    #[case("UTC", true)]
    #[case("America/Argentina/Buenos_Aires", true)]
    #[case("europe/berlin", false)]
    #[case("Mars/Olympus", false)]
    #[case("Local", false)]
    #[case("../etc/passwd", false)]
    fn zones_are_those_of_the_database(#[case] name: &str, #[case] known: bool) {
        assert_eq!(zone(name).is_some(), known);
    }
}
