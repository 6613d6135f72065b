//! Problems of permits in native tests.

use super::Permit;
use crate::{AccountLimit, Subject};

#[test]
fn a_good_permit_has_no_problems() {
    let permit = Permit::new("$G")
        .with_user_name("alice smith")
        .allow_publish(["a", "a.*.c", ">", "$JS.API.>", "a*b"])
        .allow_subscribe(["a.>", "a.b workers", "a q.*"])
        .add_tags(["team:a"]);
    assert_eq!(permit.problems(), [""; 0]);
}

#[test]
fn every_bad_subject_is_named_with_its_side() {
    let cases = [
        ("", "it is empty"),
        ("a..b", "it has an empty token; remove the extra `.`"),
        (".a", "it has an empty token; remove the extra `.`"),
        ("a\\tb", "it contains white space or a control character"),
        (
            "a my team",
            "the name of its queue group contains white space or a control character",
        ),
        (" a", "it begins or ends with a space; remove it"),
        (
            ">.a",
            "`>` stands before the last token; `*` stands for one token",
        ),
        (
            "a.>.b",
            "`>` stands before the last token; `*` stands for one token",
        ),
    ];
    for (subject, problem) in cases {
        let subject_with_tab = Subject::from_checked(subject.replace("\\t", "\t"));
        let permit = Permit::new("APP").deny_subscribe([subject_with_tab]);
        let expected = format!("subscribe-deny: invalid subject `{subject}`: {problem}");
        assert_eq!(permit.problems(), [expected]);
    }
    let permit = Permit::new("APP")
        .allow_publish(["a queue"])
        .deny_publish([Subject::from_checked("a".repeat(1025))]);
    let problems = permit.problems();
    assert!(problems[0].ends_with("a queue group is only possible in subscribe permissions"));
    assert!(problems[1].ends_with("it is longer than 1024 bytes"));
}

#[test]
fn accounts_names_tags_and_lifetimes_are_checked() {
    let permit = Permit::new("A P")
        .with_user_name("")
        .add_tags(["a\n"])
        .limit_lifetime(std::time::Duration::from_millis(900));
    assert_eq!(
        permit.problems(),
        [
            "invalid user name: expected 1 to 256 bytes without control characters",
            "invalid tag: expected 1 to 256 bytes without control characters",
            "invalid account name `A P`: white space and control characters are not possible",
            "the permit expired at 0, the request came at 0",
        ]
    );
    assert_eq!(Permit::new("").problems(), ["the permit names no account"]);
}

#[test]
fn with_a_role_names_and_tags_are_one_literal_token() {
    use crate::template::escape;

    let permit = |name: &str, tag: &str| {
        Permit::new("APP")
            .with_user_name(name)
            .add_tags([tag])
            .with_role("r")
    };
    for (name, tag) in [
        ("a.b", "t:1"),
        (">\u{a0}a", "t:1"),
        ("a", "t:\u{a0}"),
        ("$JS", "t:1"),
    ] {
        let problems = permit(name, tag).problems();
        assert!(
            matches!(problems.as_slice(), [one] if one.contains("next to role `r`")),
            "{problems:?}"
        );
        let (_, value) = tag.split_once(':').unwrap();
        let escaped = permit(&escape(name), &format!("t:{}", escape(value)));
        assert_eq!(escaped.problems(), [""; 0]);
    }
}

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
fn limits_of_accounts_are_named_as_the_host_names_them() {
    let permit = Permit::new("team-a")
        .limit_account(AccountLimit::Connections, 9)
        .limit_account(AccountLimit::Connections, 7)
        .limit_account(AccountLimit::Imports, 0);
    assert_eq!(permit.account_limit("connections"), Some(7));
    assert_eq!(permit.problems(), [""; 0]);
    let permit = Permit::new("team-a")
        .limit_account(AccountLimit::Payload, 0)
        .limit_account("data", 5);
    let starts = [
        "account-limit: `payload` of an account: `0` is not a whole number from 1 to ",
        "account-limit: unknown limit `data` of an account: expected one of `connections`, ",
    ];
    let problems = permit.problems();
    assert_eq!(problems.len(), starts.len(), "{problems:?}");
    for (problem, start) in problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem}");
    }
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
        "times-location: invalid time zone `../etc`: ",
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
        [
            "times-location: a time zone without a range of times: add a range to `times`, or leave it out"
        ]
    );
    let invalid = zone.allow_times([("8:00:00", "18:00:00")]);
    assert_eq!(invalid.problems().len(), 1, "{:?}", invalid.problems());
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
