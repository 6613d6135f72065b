//! Attributes of the contract, which set rarely used parts by name.

use crate::{ConnectionType, Permit, PermitBuilder, TimeRange};

fn built(attributes: &[(&str, &[&str])]) -> PermitBuilder {
    let mut builder = Permit::builder("APP", 100);
    for (name, values) in attributes {
        let values: Vec<_> = values.iter().map(|value| (*value).to_owned()).collect();
        builder.attribute(name, &values);
    }
    builder
}

fn problems(attributes: &[(&str, &[&str])]) -> Vec<String> {
    let problems = built(attributes).problems();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn every_attribute_arrives() {
    let day = TimeRange::new("08:00:00", "12:00:00").unwrap();
    let night = TimeRange::new("22:00:00", "06:00:00").unwrap();
    let permit = built(&[
        ("role", &["reader"]),
        ("tag", &["a", "b"]),
        ("source", &["10.0.0.0/8"]),
        ("source", &["fd00::/8"]),
        ("connection-type", &["STANDARD", "MQTT"]),
        ("time", &[&day.to_string(), &night.to_string()]),
        ("times-location", &["Europe/Berlin"]),
        ("proxy-required", &[]),
        ("subscriptions", &["10"]),
        ("payload", &["4096"]),
    ])
    .finish()
    .unwrap();
    assert_eq!(permit.subscriptions(), Some(10));
    assert_eq!(permit.payload(), Some(4096));
    assert_eq!(permit.role(), Some("reader"));
    assert_eq!(permit.tags(), ["a", "b"]);
    let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
    assert!(permit.sources().listed().eq(&networks));
    let types = [ConnectionType::Standard, ConnectionType::Mqtt];
    assert!(permit.connection_types().listed().eq(&types));
    assert!(permit.times().listed().eq(&[day, night]));
    assert_eq!(permit.times_location(), Some("Europe/Berlin"));
    assert!(permit.requires_proxy() && !permit.names_permissions());
}

#[test]
fn a_name_that_is_not_there_is_a_problem_that_names_it() {
    assert_eq!(
        problems(&[("moon\n", &["full"])]),
        [
            "unknown attribute `moon\\n`: if the policy was made for a newer host, update the host; else correct the name"
        ]
    );
}

#[test]
fn attributes_that_would_bound_nothing_are_problems() {
    for name in ["tag", "source", "connection-type", "time"] {
        assert_eq!(
            problems(&[(name, &[])]),
            [format!(
                "attribute `{name}`: expected at least one value, found 0"
            )]
        );
    }
    for name in ["role", "times-location"] {
        for values in [[].as_slice(), &["UTC", "UTC"]] {
            let found = values.len();
            assert_eq!(
                problems(&[(name, values)]),
                [format!(
                    "attribute `{name}`: expected one value, found {found}"
                )]
            );
        }
    }
    assert_eq!(
        problems(&[("proxy-required", &["false"])]),
        ["attribute `proxy-required`: expected no value, found 1"]
    );
}

#[test]
fn what_is_no_range_of_times_is_a_problem() {
    assert_eq!(
        problems(&[("time", &["08:00:00", "8:00-18:00"])]),
        [
            "time-allow: invalid range of times `08:00:00`: expected `HH:MM:SS-HH:MM:SS`",
            "time-allow: invalid time `8:00`: expected `HH:MM:SS`, from `00:00:00` to `23:59:59`",
        ]
    );
}

#[test]
fn limits_that_servers_would_not_read_are_problems() {
    for (name, value, quoted) in [
        ("subscriptions", "many", "`many`"),
        ("subscriptions", "0", "`0`"),
        ("payload", "4294967296", "`4294967296`"),
        ("payload", "1.5", "`1.5`"),
        ("data", "1", "`data`"),
    ] {
        let problems = problems(&[(name, &[value])]);
        assert!(
            matches!(problems.as_slice(), [one] if one.contains(quoted)),
            "{problems:?}"
        );
    }
}
