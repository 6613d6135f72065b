//! The host's rules for the bounds of a permit.

use std::net::{IpAddr, Ipv6Addr};

use crate::permit::bounds::Bounds;

const CONNECTION_TYPES: [&str; 7] = [
    "STANDARD",
    "WEBSOCKET",
    "LEAFNODE",
    "LEAFNODE_WS",
    "MQTT",
    "MQTT_WS",
    "IN_PROCESS",
];

pub(super) fn problems(bounds: &Bounds) -> Vec<String> {
    let mut problems = Vec::new();
    for network in bounds.sources.iter().filter(|text| !is_network(text)) {
        let shown = network.escape_debug();
        problems.push(format!(
            "source-allow: invalid network `{shown}`: expected an address and the length of its prefix, \
             as `10.0.0.0/8`, `10.0.0.7/32` or `fd00::/8`"
        ));
    }
    for name in &bounds.connection_types {
        if !CONNECTION_TYPES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
        {
            let shown = name.escape_debug();
            problems.push(format!(
                "connection-type-allow: unknown connection type `{shown}`: expected STANDARD, WEBSOCKET, \
                 LEAFNODE, LEAFNODE_WS, MQTT, MQTT_WS or IN_PROCESS"
            ));
        }
    }
    problems.extend(
        bounds
            .times
            .iter()
            .filter_map(|(start, end)| time_problem(start, end)),
    );
    problems.extend(zone_problem(bounds));
    let limits = [
        ("subscriptions", bounds.subscriptions),
        ("payload", bounds.payload),
    ];
    for (name, limit) in limits {
        if let Some(value) = limit.filter(|value| !(1..=i64::from(i32::MAX)).contains(value)) {
            problems.push(format!(
                "limit-{name}: `{value}` is not a whole number from 1 to 2147483647; leave it out for no limit"
            ));
        }
    }
    if bounds.data.is_some() {
        problems.push(
            "limit-data: NATS servers ignore `data` of a user JWT; leave it out, and limit the account instead"
                .to_owned(),
        );
    }
    problems
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

fn time_problem(start: &str, end: &str) -> Option<String> {
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
        .is_empty()
        .then(|| "times-location without a range of times: add one with time-allow".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::Permit;

    #[test]
    fn good_bounds_have_no_problems() {
        let permit = Permit::new("APP")
            .role("reader")
            .source_allow("10.0.0.0/8")
            .source_allow("fd00::/8")
            .source_allow("::ffff:10.0.0.0/104")
            .connection_type_allow("mqtt")
            .time_allow("22:00:00", "06:00:00")
            .times_location("America/Argentina/Buenos_Aires")
            .proxy_required();
        assert_eq!(permit.problems(), [""; 0]);
    }

    #[test]
    fn bad_bounds_are_named_as_the_host_names_them() {
        let permit = Permit::new("APP")
            .role("")
            .source_allow("10.0.0.1")
            .connection_type_allow("BOGUS")
            .time_allow("8:00:00", "18:00:00")
            .time_allow("18:00:00", "18:00:00")
            .times_location("../etc")
            .limit_subscriptions(0)
            .limit_payload(1 << 31)
            .limit_data(1);
        let starts = [
            "invalid role: ",
            "source-allow: invalid network `10.0.0.1`: ",
            "connection-type-allow: unknown connection type `BOGUS`: expected STANDARD,",
            "time-allow: invalid time `8:00:00`: ",
            "time-allow: a range of times that starts and ends at 18:00:00",
            "invalid time zone `../etc`: ",
            "limit-subscriptions: `0` is not a whole number from 1 to 2147483647;",
            "limit-payload: `2147483648` is not a whole number from 1 to 2147483647;",
            "limit-data: NATS servers ignore `data`",
        ];
        let problems = permit.problems();
        assert_eq!(problems.len(), starts.len(), "{problems:?}");
        for (problem, start) in problems.iter().zip(starts) {
            assert!(problem.starts_with(start), "{problem}");
        }
        let zone = Permit::new("APP").times_location("UTC");
        assert_eq!(
            zone.problems(),
            ["times-location without a range of times: add one with time-allow"]
        );
    }
}
