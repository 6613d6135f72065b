//! Rules of the permit builder.

mod attributes;

use std::time::Duration;

use super::*;
use crate::{ClientKind, PermissionSubject, PermitProblem};

#[test]
fn an_empty_permit_allows_nothing() {
    let permit = Permit::builder("APP", 100).finish().unwrap();
    assert_eq!(
        permit.permissions().publish.deny,
        [PermissionSubject::everything()]
    );
    assert_eq!(
        permit.permissions().subscribe.deny,
        [PermissionSubject::everything()]
    );
    assert_eq!(permit.expires_at(), None);
}

#[test]
fn the_earliest_expiry_wins() {
    let mut builder = Permit::builder("APP", 100);
    builder.expires_in(60);
    builder.expires_at(130);
    builder.expires_in(90);
    assert_eq!(builder.finish().unwrap().expires_at(), Some(130));
}

#[test]
fn all_problems_are_reported_at_once() {
    let mut builder = Permit::builder("A P", 100);
    builder.publish_allow("a..b");
    builder.publish_allow("a..b");
    builder.subscribe_deny("");
    builder.user_name("\u{7}");
    builder.expires_at(100);
    let problems: Vec<_> = builder
        .finish()
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        problems,
        [
            "publish-allow: invalid subject `a..b`: it has an empty token; remove the extra `.`",
            "subscribe-deny: invalid subject ``: it is empty",
            "invalid user name: expected 1 to 256 bytes without control characters",
            "invalid account name `A P`: white space and control characters are not possible",
            "the permit expired at 100, the request came at 100",
        ]
    );
}

#[test]
fn subjects_and_tags_are_bounded() {
    let mut builder = Permit::builder("APP", 100);
    for number in 0..=Permit::MAX_SUBJECTS {
        builder.publish_allow(&format!("a.{number}"));
    }
    for number in 0..=limits::MAX_TAGS {
        builder.tag(&format!("t{number}"));
    }
    assert_eq!(builder.finish().unwrap_err().len(), 2);
}

#[test]
fn the_bound_of_subjects_can_be_lowered_and_not_raised() {
    let count = |most: usize, asked: usize| {
        let mut builder = Permit::builder("APP", 100);
        builder.limit_subjects(most);
        for number in 0..asked {
            builder.publish_allow(&format!("a.{number}"));
        }
        let permit = builder.finish().map_err(|problems| problems[0].to_string());
        permit.map(|permit| permit.permissions().publish.allow.len())
    };
    assert_eq!(count(3, 3), Ok(3));
    assert_eq!(
        count(3, 4),
        Err("more than 3 subjects in one permit".to_owned())
    );
    assert!(count(usize::MAX, Permit::MAX_SUBJECTS + 1).is_err());
}

#[test]
fn the_hosts_own_tags_cannot_be_forged() {
    let mut builder = Permit::builder("APP", 100);
    for tag in [
        "policy:other",
        " Policy-Digest:sha256:ab",
        "POLICY-GENERATION:7",
    ] {
        builder.tag(tag);
    }
    builder.tag("team:policy");
    assert_eq!(builder.finish().unwrap_err().len(), 3);
}

#[test]
fn an_expiry_that_servers_cannot_read_is_refused() {
    let mut builder = Permit::builder("APP", 100);
    builder.expires_at(u64::MAX);
    let problems = builder.finish().unwrap_err();
    assert_eq!(problems, [PermitProblem::ExpiryOutOfRange(u64::MAX)]);
}

fn problems(build: impl FnOnce(&mut PermitBuilder)) -> Vec<String> {
    let mut builder = Permit::builder("APP", 100);
    build(&mut builder);
    builder
        .finish()
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn what_bounds_a_login_is_kept() {
    let mut builder = Permit::builder("APP", 100);
    builder.role("reader");
    builder.source_allow("10.0.0.0/8");
    builder.connection_type_allow("MQTT");
    builder.connection_type_allow("mqtt");
    builder.time_allow("08:00:00", "18:00:00");
    builder.times_location("America/Argentina/Buenos_Aires");
    builder.proxy_required();
    let permit = builder.finish().unwrap();
    assert_eq!(permit.role(), Some("reader"));
    let network = "10.0.0.0/8".parse().unwrap();
    assert_eq!(Some(permit.sources()), Allowed::only([network]).as_ref());
    let types = Allowed::only([ConnectionType::Mqtt]);
    assert_eq!(Some(permit.connection_types()), types.as_ref());
    assert_eq!(permit.times().listed().count(), 1);
    assert!(permit.times_location().is_some() && permit.requires_proxy());
}

#[test]
fn what_bounds_a_login_badly_is_refused_with_a_way_out() {
    let problems = problems(|builder| {
        builder.role("");
        builder.source_allow("10.0.0.1");
        builder.connection_type_allow("BOGUS");
        builder.time_allow("8:00:00", "18:00:00");
        builder.times_location("../etc/passwd");
    });
    assert_eq!(
        problems,
        [
            "invalid role: expected 1 to 256 bytes without control characters",
            "source-allow: invalid network `10.0.0.1`: expected an address and the length of its prefix, \
             as `10.0.0.0/8`, `10.0.0.7/32` or `fd00::/8`",
            "connection-type-allow: unknown connection type `BOGUS`: expected STANDARD, WEBSOCKET, LEAFNODE, LEAFNODE_WS, \
             MQTT, MQTT_WS or IN_PROCESS",
            "time-allow: invalid time `8:00:00`: expected `HH:MM:SS`, from `00:00:00` to `23:59:59`",
            "times-location: invalid time zone `../etc/passwd`: expected a name of the IANA database, as `Europe/Berlin` or `UTC`",
        ]
    );
}

#[test]
fn a_time_zone_needs_times() {
    let problems = problems(|builder| builder.times_location("UTC"));
    assert_eq!(
        problems,
        [
            "times-location: a time zone without a range of times: add a range to `times`, or leave it out"
        ]
    );
}

#[test]
fn the_smallest_of_several_limits_counts() {
    let mut builder = Permit::builder("APP", 100);
    builder.limit_subscriptions(10);
    builder.limit_subscriptions(7);
    builder.limit_payload(i64::from(i32::MAX));
    let permit = builder.finish().unwrap();
    assert_eq!(permit.subscriptions(), Some(7));
    assert_eq!(permit.payload(), Some(2_147_483_647));
    assert!(permit.has_limits());
}

#[test]
fn limits_that_no_server_holds_a_login_to_are_refused_with_the_reason() {
    let problems = problems(|builder| {
        builder.limit_subscriptions(0);
        builder.limit_payload(-1);
        builder.limit_data(1024);
    });
    let expected = [
        ("limit-subscriptions", "`0`"),
        ("limit-payload", "`-1`"),
        ("limit-data", "`data`"),
    ];
    assert_eq!(problems.len(), expected.len());
    for (problem, (limit, quoted)) in problems.iter().zip(expected) {
        assert!(
            problem.starts_with(limit) && problem.contains(quoted),
            "{problem}"
        );
    }
}

#[test]
fn networks_and_times_are_bounded() {
    let problems = problems(|builder| {
        for number in 0..=limits::MAX_SOURCES {
            builder.source_allow(&format!("10.0.{}.{}/32", number / 256, number % 256));
        }
        for number in 0..=limits::MAX_TIMES {
            builder.time_allow("00:00:00", &format!("00:00:{:02}", number + 1));
        }
    });
    assert_eq!(
        problems,
        [
            "more than 256 networks in one permit",
            "more than 32 ranges of times in one permit"
        ]
    );
}

#[test]
fn any_word_about_permissions_is_remembered() {
    let named = |build: fn(&mut PermitBuilder)| {
        let mut builder = Permit::builder("APP", 100);
        build(&mut builder);
        builder.finish().unwrap().names_permissions()
    };
    assert!(named(|builder| builder.publish_allow("a")));
    assert!(named(|builder| builder.publish_deny("a")));
    assert!(named(|builder| builder.subscribe_allow("a")));
    assert!(named(|builder| builder.subscribe_deny("a")));
    assert!(named(|builder| builder.responses_allow(1, Duration::ZERO)));
    assert!(!named(|builder| builder.source_allow("10.0.0.0/8")));
}

#[test]
fn a_login_is_held_to_its_networks_and_connection_types() {
    let client = |host: Option<&str>, transport: &str| Client {
        host: host.map(str::to_owned),
        kind: Some(ClientKind::Client),
        transport: Some(transport.to_owned().into()),
        ..Client::default()
    };
    let mut builder = Permit::builder("APP", 100);
    builder.source_allow("10.0.0.0/8");
    builder.source_allow("fd00::/8");
    builder.connection_type_allow("WEBSOCKET");
    let bound = builder.finish().unwrap();
    let free = Permit::builder("APP", 100).finish().unwrap();

    for (host, inside) in [
        (Some("::ffff:10.1.1.1"), true),
        (Some("fd00::1%eth0"), true),
        (Some("127.0.0.1"), false),
        (Some("somewhere"), false),
        (None, false),
    ] {
        let client = client(host, "nats");
        assert_eq!(bound.allows_source_of(&client), inside, "{host:?}");
        assert!(free.allows_source_of(&client));
    }
    for (transport, inside) in [
        ("websocket", true),
        ("nats", false),
        ("carrier pigeon", false),
    ] {
        let client = client(Some("10.0.0.1"), transport);
        assert_eq!(bound.allows_connection_of(&client), inside, "{transport}");
        assert!(free.allows_connection_of(&client));
    }
}

/// Servers insert these texts into the role's template unchanged. A text of several tokens can read
/// other users' subjects, and one of white space only crashes servers.
#[test]
fn with_a_role_names_and_tags_are_one_literal_token() {
    let problems = |role: bool, name: &str, tag: &str| {
        let mut builder = Permit::builder("APP", 100);
        if role {
            builder.role("reader");
        }
        builder.user_name(name);
        builder.tag(tag);
        builder.finish().err().unwrap_or_default()
    };
    for value in [
        "*",
        ">",
        "a.*.b@example.com",
        ">\u{a0}a",
        "\u{a0}",
        "\u{2003}",
        "a b",
        "{{subject()}}",
        "$JS",
    ] {
        assert_eq!(problems(false, value, &format!("room:{value}")), []);
        for (name, tag) in [
            (value.to_owned(), "room:1".to_owned()),
            ("bob".to_owned(), format!("room:{value}")),
        ] {
            let problems = problems(true, &name, &tag);
            let [PermitProblem::NotOneToken { .. }] = problems.as_slice() else {
                panic!("{name:?} {tag:?}: {problems:?}");
            };
        }
    }
    assert_eq!(problems(true, "alice@example%2Ecom", "room:a:b"), []);
    assert_eq!(problems(true, "alice", "any text. without > a colon"), []);
    let shown = problems(true, "a.b", "room:1");
    assert!(
        shown[0]
            .to_string()
            .starts_with("user name `a.b` next to role `reader`: "),
        "{shown:?}"
    );
}

#[test]
fn more_subjects_than_a_response_can_carry_are_refused_before_anything_is_compared() {
    let mut builder = Permit::builder("APP", 100);
    for number in 0..1000 {
        builder.publish_allow(&format!("{}{number}", "*.".repeat(505)));
    }
    let problems: Vec<_> = builder
        .finish()
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        problems,
        ["more than 589824 bytes of subjects in one permit"]
    );
}

#[test]
fn a_permit_reads_what_it_writes_and_no_subject_that_no_permit_has() {
    let mut builder = Permit::builder("APP", 100);
    builder.publish_allow("a.>");
    builder.subscribe_allow("b q");
    builder.responses_allow(2, Duration::from_millis(7));
    builder.source_allow("10.0.0.0/8");
    builder.connection_type_allow("LEAFNODE");
    builder.time_allow("22:00:00", "06:00:00");
    builder.times_location("Europe/Berlin");
    builder.limit_payload(4096);
    builder.tag("a:b");
    let permit = builder.finish().unwrap();
    let json = serde_json::to_string(&permit).unwrap();
    assert_eq!(serde_json::from_str::<Permit>(&json).unwrap(), permit);
    for (part, wrong) in [
        ("a.>", "a..b"),
        ("10.0.0.0/8", "10.0.0.0"),
        ("LEAFNODE", "LEAF"),
        ("22:00:00-", "22:00:0-"),
        ("\"account\"", "\"acount\""),
        // Values that the builder refuses, or closes.
        ("\"APP\"", "\"\""),
        ("\"a:b\"", "\"policy:b\""),
        ("4096", "0"),
        ("Europe/Berlin", "Europe Berlin"),
        ("{\"only\":[\"LEAFNODE\"]}", "{\"only\":[]}"),
        ("[\"a.>\"]", "[]"),
        ("\"names-permissions\":true", "\"names-permissions\":false"),
    ] {
        assert!(json.contains(part), "{json}");
        let changed = json.replace(part, wrong);
        assert!(serde_json::from_str::<Permit>(&changed).is_err(), "{wrong}");
    }
}

#[test]
fn permits_without_permissions_and_of_the_largest_size_read_what_they_write() {
    let plain = Permit::builder("APP", 100);
    let mut closed = Permit::builder("APP", 100);
    closed.publish_deny("a");
    let mut largest = Permit::builder("APP", 100);
    for number in 0..Permit::MAX_SUBJECTS {
        largest.publish_allow(&format!("a.{number}"));
    }
    for builder in [plain, closed, largest] {
        let permit = builder.finish().unwrap();
        let json = serde_json::to_string(&permit).unwrap();
        assert_eq!(serde_json::from_str::<Permit>(&json).unwrap(), permit);
    }
}

#[test]
fn a_permit_can_be_narrowed_only() {
    let mut permit = Permit::builder("APP", 100).finish().unwrap();
    permit.end_by(300);
    permit.end_by(400);
    assert_eq!(permit.expires_at(), Some(300));
    permit.end_by(200);
    assert_eq!(permit.expires_at(), Some(200));
    permit.narrow_to(Permissions::default());
    assert_eq!(*permit.permissions(), Permissions::default().closed());
}
