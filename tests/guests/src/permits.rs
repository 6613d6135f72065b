//! Valid and invalid permits, each made by the policy SDK.
//!
//! The guest `permits_each` returns them to a host. The test of that guest makes them natively too,
//! and compares the problems.

use std::time::Duration;

use portcullis_sdk::{Permit, Responses};

/// A name, and the permit that it stands for.
pub type Case = (&'static str, fn() -> Permit);

/// The permits.
pub const CASES: [Case; 34] = [
    ("an account alone", || Permit::new("APP")),
    ("everything at once", everything),
    ("no account", || Permit::new("")),
    ("a blank in the account", || Permit::new("A P")),
    ("no-break space in the account", || Permit::new("A\u{a0}P")),
    ("a long account", || Permit::new("a".repeat(257))),
    ("no user name", || app().with_user_name("")),
    ("a long user name", || app().with_user_name("a".repeat(257))),
    ("a control character in the user name", || {
        app().with_user_name("a\u{7}")
    }),
    ("empty tokens", || {
        app().allow_publish(["a..b", ".a", "a.", ""])
    }),
    ("blanks in subjects", || {
        app().allow_subscribe(["a\tb", "a b c", " a", "a ", "\u{2003}"])
    }),
    ("misplaced tails", || {
        app().deny_subscribe([">.a", "a.>.b q"])
    }),
    ("a queue group for publishing", || {
        app().deny_publish(["a q"])
    }),
    ("a long queue entry for publishing", || {
        app().deny_publish([&*format!("a {}", "q".repeat(1024)).leak()])
    }),
    ("a long subject", || {
        app().allow_subscribe([long(1024), long(1025)])
    }),
    ("as many subjects as possible", || {
        app().allow_publish(numbered(4096))
    }),
    ("too many subjects", || {
        app()
            .allow_publish(numbered(2048))
            .deny_subscribe(numbered(2049))
    }),
    ("too many bytes of subjects", || {
        let subjects = (0..600).map(|number| format!("{}{number:03}", "a.".repeat(500)));
        app().allow_publish(leaked(subjects))
    }),
    ("a subject that no response has room for any more", || {
        let subjects = (0..576).map(|number| format!("{number:03}{}", long(1021)));
        app().allow_publish(leaked(subjects)).allow_subscribe(["a"])
    }),
    ("more different problems than the host records", || {
        app().allow_publish(leaked((0..40).map(|number| format!("a..{number}"))))
    }),
    ("the same problem twice", || {
        app().allow_publish(["a..b", "a..b"])
    }),
    ("a lifetime below a second", || {
        app().limit_lifetime(Duration::from_millis(900))
    }),
    ("a lifetime without end", || {
        app().limit_lifetime(Duration::MAX)
    }),
    ("an expiry after the year 9999", || {
        app().limit_expiry(253_402_300_800)
    }),
    ("an expiry in the past", || app().limit_expiry(0)),
    ("networks", || {
        app().allow_sources([
            "10.0.0.0/8",
            "10.0.0.1",
            "10.0.0.0/33",
            "::ffff:10.0.0.0/8",
            "::ffff:10.0.0.0/104",
            "fd00::/129",
            "010.0.0.0/8",
            "10.0.0.0/+8",
        ])
    }),
    ("too many networks", || {
        app().allow_sources(
            (0..257).map(|number| format!("10.0.{}.{}/32", number / 256, number % 256)),
        )
    }),
    ("connection types", || {
        app().allow_connection_types(["mqtt", "MQTT", "Leafnode_ws", "BOGUS", "In Process"])
    }),
    ("times", || {
        app()
            .allow_times([
                ("22:00:00", "06:00:00"),
                ("8:00:00", "18:00:00"),
                ("08:00:00", "24:00:00"),
                ("08:00:00", "08:00:00"),
                ("08:00:00-09:00:00", "10:00:00"),
            ])
            .with_times_location("../etc")
    }),
    ("too many times", || {
        app().allow_times((1..34).map(|number| ("00:00:00", format!("00:00:{number:02}"))))
    }),
    ("a time zone without times", || {
        app().with_times_location("UTC")
    }),
    ("bounds with empty lists", || {
        app()
            .allow_sources([""; 0])
            .allow_connection_types([""; 0])
            .allow_times([("", ""); 0])
    }),
    ("limits out of range", || {
        app().limit_subscriptions(0).limit_payload(1 << 31)
    }),
    ("tags and names beside a role", || {
        let reserved = [" Policy-Digest:sha256:ab", "policy:other", "", "a\n"];
        let tags = (0..70).map(|number| format!("t{number}:a.b"));
        app()
            .with_user_name("a.*@example.com")
            .with_role("reader")
            .add_tags(reserved)
            .add_tags(tags)
    }),
];

fn app() -> Permit {
    Permit::new("APP")
}

fn everything() -> Permit {
    app()
        .with_user_name("alice smith")
        .allow_publish(["a", "a.*.c", ">", "$JS.API.>", "a*b"])
        .deny_publish(["a.secret"])
        .allow_subscribe(["a.>", "a.b workers", "a q.*"])
        .deny_subscribe(["a.secret q"])
        .allow_responses(Responses::default())
        .limit_lifetime(Duration::from_hours(1))
        .limit_expiry(253_402_300_799)
        .allow_sources(["10.0.0.0/8", "fd00::/8"])
        .allow_connection_types(["STANDARD"])
        .allow_times([("22:00:00", "06:00:00")])
        .with_times_location("America/Argentina/Buenos_Aires")
        .require_proxy()
        .limit_subscriptions(1)
        .limit_payload(i32::MAX.cast_unsigned())
        .add_tags(["team:a"])
}

fn numbered(count: usize) -> impl Iterator<Item = &'static str> {
    leaked((0..count).map(|number| format!("a.{number}")))
}

/// Returns texts as the SDK takes them without a check: as if an author had written them.
fn leaked(texts: impl Iterator<Item = String>) -> impl Iterator<Item = &'static str> {
    texts.map(|text| &*text.leak())
}

/// Returns a subject of one token with this length.
fn long(bytes: usize) -> &'static str {
    "a".repeat(bytes).leak()
}
