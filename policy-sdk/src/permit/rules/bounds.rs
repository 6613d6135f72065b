//! The host's rules for the bounds of a permit.

use std::net::{IpAddr, Ipv6Addr};

use crate::names::ConnectionType;
use crate::permit::TimeRange;
use crate::permit::parts::Bounds;

pub(super) fn problems(bounds: &Bounds) -> Vec<String> {
    let mut problems = Vec::new();
    let sources = bounds.sources.iter();
    problems.extend(sources.flat_map(|list| list_problems("source", list, network_problem)));
    let types = bounds.connection_types.iter();
    problems.extend(types.flat_map(|list| list_problems("connection-type", list, type_problem)));
    let times = bounds.times.iter();
    problems.extend(times.flat_map(|list| list_problems("time", list, time_problem)));
    problems.extend(zone_problem(bounds));
    let limits = [
        ("subscriptions", bounds.subscriptions),
        ("payload", bounds.payload),
    ];
    for (name, limit) in limits {
        if let Some(value) = limit.filter(|value| !(1..=i32::MAX.cast_unsigned()).contains(value)) {
            problems.push(format!(
                "limit-{name}: `{value}` is not a whole number from 1 to 2147483647; leave it out for no limit"
            ));
        }
    }
    problems
}

/// Returns the problems of the values of an attribute, which needs one at least.
fn list_problems<T>(
    name: &str,
    list: &[T],
    problem: impl FnMut(&T) -> Option<String>,
) -> Vec<String> {
    if list.is_empty() {
        let problem = format!("attribute `{name}`: expected at least one value, found 0");
        return vec![problem];
    }
    list.iter().filter_map(problem).collect()
}

#[expect(clippy::ptr_arg, reason = "an item of a list of strings")]
fn network_problem(network: &String) -> Option<String> {
    (!is_network(network)).then(|| {
        let shown = network.escape_debug();
        format!(
            "source-allow: invalid network `{shown}`: expected an address and the length of its prefix, \
             as `10.0.0.0/8`, `10.0.0.7/32` or `fd00::/8`"
        )
    })
}

fn type_problem(name: &String) -> Option<String> {
    let ConnectionType::Other(name) = ConnectionType::from(name) else {
        return None;
    };
    let shown = name.escape_debug();
    Some(format!(
        "connection-type-allow: unknown connection type `{shown}`: expected STANDARD, WEBSOCKET, \
         LEAFNODE, LEAFNODE_WS, MQTT, MQTT_WS or IN_PROCESS"
    ))
}

fn is_network(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let digits = length.bytes().all(|byte| byte.is_ascii_digit());
    let Some(length) = digits.then(|| length.parse::<u8>().ok()).flatten() else {
        return false;
    };
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => length <= 32,
        Ok(IpAddr::V6(address)) => length <= 128 && (!is_mapped(address) || length >= 96),
        Err(_) => false,
    }
}

fn is_mapped(address: Ipv6Addr) -> bool {
    address.to_ipv4_mapped().is_some()
}

fn time_problem(TimeRange { start, end }: &TimeRange) -> Option<String> {
    if let Some(text) = [start, end].into_iter().find(|text| !is_time(text)) {
        let shown = text.escape_debug();
        return Some(format!(
            "time-allow: invalid time `{shown}`: expected `HH:MM:SS`, from `00:00:00` to `23:59:59`"
        ));
    }
    (start == end).then(|| {
        format!("time-allow: a range of times that starts and ends at {start} is empty: let it end later")
    })
}

fn is_time(text: &str) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    let below = |part: &str, limit: u32| {
        part.len() == 2
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse().is_ok_and(|value: u32| value < limit)
    };
    matches!(parts.as_slice(), [hours, minutes, seconds]
        if below(hours, 24) && below(minutes, 60) && below(seconds, 60))
}

fn zone_problem(bounds: &Bounds) -> Option<String> {
    let zone = bounds.times_location.as_ref()?;
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+');
    let part = |part: &str| !part.is_empty() && part.bytes().all(word);
    if zone.len() > super::MAX_TEXT || !zone.split('/').all(part) {
        let shown = zone.escape_debug();
        return Some(format!(
            "invalid time zone `{shown}`: expected a name of the IANA database, as `Europe/Berlin` or `UTC`"
        ));
    }
    bounds
        .times
        .is_none()
        .then(|| "times-location without a range of times: add one with time-allow".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::Permit;

    #[test]
    fn good_bounds_have_no_problems() {
        let permit = Permit::new("APP")
            .with_role("reader")
            .allow_sources(["10.0.0.0/8", "fd00::/8", "::ffff:10.0.0.0/104"])
            .allow_connection_types(["mqtt"])
            .allow_times([("22:00:00", "06:00:00")])
            .with_times_location("America/Argentina/Buenos_Aires")
            .require_proxy()
            .limit_subscriptions(1)
            .limit_payload(i32::MAX.cast_unsigned());
        assert_eq!(permit.problems(), [""; 0]);
    }

    #[test]
    fn bad_bounds_are_named_as_the_host_names_them() {
        let permit = Permit::new("APP")
            .with_role("")
            .allow_sources(["10.0.0.1"])
            .allow_connection_types(["BOGUS"])
            .allow_times([("8:00:00", "18:00:00"), ("18:00:00", "18:00:00")])
            .with_times_location("../etc")
            .limit_subscriptions(0)
            .limit_payload(1 << 31);
        let starts = [
            "invalid role: ",
            "source-allow: invalid network `10.0.0.1`: ",
            "connection-type-allow: unknown connection type `BOGUS`: expected STANDARD,",
            "time-allow: invalid time `8:00:00`: ",
            "time-allow: a range of times that starts and ends at 18:00:00",
            "invalid time zone `../etc`: ",
            "limit-subscriptions: `0` is not a whole number from 1 to 2147483647;",
            "limit-payload: `2147483648` is not a whole number from 1 to 2147483647;",
        ];
        let problems = permit.problems();
        assert_eq!(problems.len(), starts.len(), "{problems:?}");
        for (problem, start) in problems.iter().zip(starts) {
            assert!(problem.starts_with(start), "{problem}");
        }
        let zone = Permit::new("APP").with_times_location("UTC");
        assert_eq!(
            zone.problems(),
            ["times-location without a range of times: add one with time-allow"]
        );
    }

    #[test]
    fn a_bound_with_an_empty_list_opens_no_door() {
        let permit = Permit::new("APP")
            .allow_sources([""; 0])
            .allow_connection_types([""; 0])
            .allow_times([("", ""); 0]);
        let expected = ["source", "connection-type", "time"]
            .map(|name| format!("attribute `{name}`: expected at least one value, found 0"));
        assert_eq!(permit.problems(), expected);
    }
}
