//! Parsing of profiles from settings, and their combinations.

use std::time::Duration;

use super::*;
use crate::template::Values;
use crate::{ConnectionType, Permit, Request};

fn profile(json: &str) -> Profile {
    serde_json::from_str(json).unwrap()
}

fn combination(profiles: &[(&str, &str)], claims: &str) -> Result<Combination, String> {
    let request = Request::builder().claims(claims).build();
    let values = Values::new(&request);
    let mut combination = Combination::default();
    for (name, json) in profiles {
        let template = profile(json).template(name, &[]).unwrap();
        combination
            .add(name, &template, &values)
            .map_err(|refusal| {
                let source = std::error::Error::source(&refusal).is_some();
                assert_eq!(source, matches!(refusal, Refusal::Unfilled { .. }));
                refusal.to_string()
            })?;
    }
    Ok(combination)
}

fn permit(profiles: &[(&str, &str)], claims: &str) -> Result<Permit, String> {
    Ok(combination(profiles, claims)?.add_to(Permit::new("APP")))
}

const EVERYTHING: &str = r#"{
    "publish": { "allow": ["a", "{{claim.sub}}.>"], "deny": ["b"] },
    "subscribe": { "allow": ["c q"], "deny": ["d"] },
    "responses": { "max": 3, "ttl": "5s" },
    "role": "reader",
    "sources": ["10.0.0.0/8"],
    "connection-types": ["STANDARD"],
    "times": [{ "start": "08:00:00", "end": "18:00:00" }],
    "times-location": "UTC",
    "proxy-required": true
}"#;

fn everything(subject: &'static str) -> Permit {
    Permit::new("APP")
        .allow_publish(["a", subject])
        .deny_publish(["b"])
        .allow_subscribe(["c q"])
        .deny_subscribe(["d"])
        .allow_responses(Responses {
            max: 3,
            ttl: Duration::from_secs(5),
        })
        .with_role("reader")
        .allow_sources(["10.0.0.0/8"])
        .allow_connection_types(["STANDARD"])
        .allow_times([("08:00:00", "18:00:00")])
        .with_times_location("UTC")
        .require_proxy()
}

#[test]
fn everything_in_a_profile_is_in_the_permit() {
    let plain = profile(EVERYTHING).add_to(Permit::new("APP"));
    assert_eq!(plain, everything("{{claim.sub}}.>"));
    let filled = permit(&[("a", EVERYTHING)], r#"{ "sub": "alice" }"#);
    assert_eq!(filled, Ok(everything("alice.>")));
}

#[test]
fn every_problem_has_its_key() {
    let bad = r#"{
        "publish": { "allow": ["a..{{group}}", "ok"], "deny": ["{{x}}"] },
        "subscribe": { "allow": ["a b c"], "deny": [""] },
        "sources": ["10"],
        "connection-types": ["X"],
        "times": [{ "start": "8", "end": "9" }]
    }"#;
    let keys = |error: crate::SettingsError| -> Vec<String> {
        let error = error.to_string();
        let keys = error
            .split("; ")
            .filter_map(|problem| problem.split_once(": "));
        keys.map(|(key, _)| key.to_owned())
            .filter(|key| key.starts_with("p."))
            .collect()
    };
    let lists = [
        "p.publish.allow",
        "p.publish.deny",
        "p.subscribe.allow",
        "p.subscribe.deny",
    ];
    let bounds = ["p.sources", "p.connection-types", "p.times"];
    let expected = [&lists[..], &bounds].concat();
    assert_eq!(keys(profile(bad).template("p", &[]).unwrap_err()), expected);
    let plain = bad.replace("{{x}}", ".").replace("{{group}}", "x");
    assert_eq!(keys(profile(&plain).check("p").unwrap_err()), expected);
    // A place in literal subjects is a problem of its own.
    let places = r#"{ "publish": { "allow": ["{{group}}"] }, "subscribe": { "deny": ["{a}"] } }"#;
    assert_eq!(
        keys(profile(places).check("p").unwrap_err()),
        ["p.publish.allow", "p.subscribe.deny"]
    );
}

#[test]
fn lists_stand_one_behind_the_other_with_each_subject_once() {
    let one =
        r#"{ "publish": { "allow": ["a", "b"], "deny": ["x"] }, "subscribe": { "deny": ["y"] } }"#;
    let other =
        r#"{ "publish": { "allow": ["b", "c"], "deny": ["x"] }, "subscribe": { "allow": ["z"] } }"#;
    let expected = Permit::new("APP")
        .allow_publish(["a", "b", "c"])
        .deny_publish(["x"])
        .allow_subscribe(["z"])
        .deny_subscribe(["y"]);
    assert_eq!(permit(&[("1", one), ("2", other)], "{}"), Ok(expected));
}

#[test]
fn an_allow_list_goes_without_what_has_no_value() {
    let json = r#"{ "publish": { "allow": ["{{claim.a}}", "b"] }, "subscribe": { "allow": ["{{claim.a}}"] } }"#;
    let expected = Permit::new("APP").allow_publish(["b"]);
    assert_eq!(permit(&[("1", json)], "{}"), Ok(expected));
}

#[test]
fn a_deny_list_without_a_value_denies_and_says_what_is_missing() {
    for side in ["publish", "subscribe"] {
        let json =
            format!(r#"{{ "{side}": {{ "allow": [">"], "deny": ["a", "x.{{{{claim.a}}}}"] }} }}"#);
        let refusal = permit(&[("Ops", &json)], r#"{ "a": "" }"#);
        let expected = format!("`Ops`, {side}.deny: the login has no `claim.a`");
        assert_eq!(refusal, Err(expected));
    }
}

#[test]
fn too_much_in_an_allow_list_denies() {
    let numbers: Vec<_> = (0..300).collect();
    let claims = serde_json::json!({ "a": numbers }).to_string();
    let json = r#"{ "publish": { "allow": ["{{claim.a}}"] } }"#;
    assert_eq!(
        permit(&[("Ops", json)], &claims),
        Err("`Ops`, publish.allow: `{{claim.a}}` stands for more than 256 subjects".to_owned())
    );
}

#[test]
fn the_number_of_subjects_is_bounded() {
    let numbers: Vec<_> = (0..256).collect();
    let claims = serde_json::json!({ "a": numbers }).to_string();
    let jsons: Vec<_> = (0..17)
        .map(|number| format!(r#"{{ "publish": {{ "allow": ["r{number}.{{{{claim.a}}}}"] }} }}"#))
        .collect();
    let mut profiles: Vec<_> = jsons.iter().map(|json| ("r", json.as_str())).collect();
    assert_eq!(
        permit(&profiles, &claims),
        Err("more than 4096 subjects, with those of `r`".to_owned())
    );
    profiles[16] = profiles[0];
    let most = permit(&profiles, &claims).unwrap();
    assert_eq!(most.publish().allow.len(), 4096);
}

#[test]
fn a_profile_that_no_permit_can_hold_is_refused_when_it_is_read() {
    let subjects: Vec<_> = (0..4097).map(|number| format!("\"a.{number}\"")).collect();
    let json = |count: usize| {
        let subjects = subjects[..count].join(",");
        format!(r#"{{ "publish": {{ "allow": [{subjects}] }} }}"#)
    };
    assert!(profile(&json(4096)).template("p", &[]).is_ok());
    let error = profile(&json(4097)).template("p", &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "p: more than 4096 subjects in one profile"
    );
}

#[test]
fn the_rest_is_allowed_only_where_nothing_is_named() {
    let rest = |json: &str| {
        let mut combination = combination(&[("1", json)], "{}").unwrap();
        combination.allow_rest();
        combination.allow_rest();
        let permit = combination.add_to(Permit::new("APP"));
        permit.publish().allow.clone()
    };
    assert_eq!(rest(r#"{ "publish": { "deny": ["x"] } }"#), [">"]);
    assert_eq!(rest("{}"), [""; 0]);
    let allow = r#"{ "publish": { "allow": ["a"], "deny": ["x"] } }"#;
    assert_eq!(rest(allow), ["a"]);
    // An allow entry that is omitted because it has no value must not open the side.
    let gone = r#"{ "publish": { "allow": ["{{claim.a}}"], "deny": ["x"] } }"#;
    assert_eq!(rest(gone), [""; 0]);
}

#[test]
fn the_most_generous_answers_count_as_they_are() {
    let responses = |texts: &[&str]| {
        let profiles: Vec<_> = texts
            .iter()
            .map(|text| ("r", format!(r#"{{ "responses": {text} }}"#)))
            .collect();
        let profiles: Vec<_> = profiles
            .iter()
            .map(|(name, json)| (*name, json.as_str()))
            .collect();
        let permit = permit(&profiles, "{}").unwrap();
        permit
            .responses()
            .map(|responses| (responses.max, responses.ttl.as_secs()))
    };
    let (few, long, default) = (
        r#"{ "max": 5, "ttl": "1m" }"#,
        r#"{ "max": 1, "ttl": "1h" }"#,
        "{}",
    );
    assert_eq!(responses(&[few, long]), Some((5, 60)));
    assert_eq!(responses(&[long, few]), Some((5, 60)));
    assert_eq!(responses(&[default, long]), Some((1, 3600)));
    // Zero `max` means one reply, and zero `ttl` means two minutes, which is longer than a minute.
    assert_eq!(
        responses(&[r#"{ "max": 1, "ttl": "1m" }"#, default]),
        Some((0, 0))
    );
    assert_eq!(responses(&[]), None);
}

#[test]
fn networks_and_types_are_those_in_common() {
    let both = |key: &str, one: &str, other: &str| {
        let [one, other] = [one, other].map(|list| format!(r#"{{ "{key}": {list} }}"#));
        permit(&[("a", &one), ("none", "{}"), ("b", &other)], "{}")
    };
    for (one, other, common) in [
        (
            r#"["10.0.0.0/8", "192.168.0.0/16"]"#,
            r#"["10.1.0.0/16", "192.0.0.0/8", "fd00::/8"]"#,
            &["10.1.0.0/16", "192.168.0.0/16"][..],
        ),
        (
            r#"["::ffff:10.0.0.0/104"]"#,
            r#"["10.0.0.7/32"]"#,
            &["10.0.0.7/32"],
        ),
        (r#"["10.0.0.7/8"]"#, r#"["0.0.0.0/0"]"#, &["10.0.0.0/8"]),
        (
            r#"["10.0.0.0/8"]"#,
            r#"["10.0.0.0/8", "10.0.0.0/8"]"#,
            &["10.0.0.0/8"],
        ),
    ] {
        let permit = both("sources", one, other).unwrap();
        assert_eq!(permit.sources().unwrap(), common, "{one} {other}");
    }
    assert_eq!(
        both("sources", r#"["10.0.0.0/8"]"#, r#"["11.0.0.0/8", "::/0"]"#),
        Err("`b` has no network of `sources` in common with what the login has besides".to_owned())
    );
    let permit = both(
        "connection-types",
        r#"["STANDARD", "MQTT"]"#,
        r#"["mqtt", "WEBSOCKET"]"#,
    );
    assert_eq!(
        permit.unwrap().connection_types().unwrap(),
        [ConnectionType::Mqtt]
    );
    assert_eq!(
        both("connection-types", r#"["STANDARD"]"#, r#"["MQTT"]"#),
        Err(
            "`b` has no type of `connection-types` in common with what the login has besides"
                .to_owned()
        )
    );
}

#[test]
fn a_list_that_restricts_to_nothing_is_an_error() {
    for key in ["sources", "connection-types", "times"] {
        let error = serde_json::from_str::<Profile>(&format!(r#"{{ "{key}": [] }}"#));
        let error = error.unwrap_err().to_string();
        let expected = "must name at least one; leave the key out for no restriction";
        assert!(error.starts_with(expected), "{key}: {error}");
    }
    let nowhere = Profile {
        sources: Some(Vec::new()),
        ..Profile::default()
    };
    assert!(nowhere.check("p").is_err(), "no network is not any network");
}

#[test]
fn roles_and_times_have_to_be_the_same() {
    let times = |start: &str, zone: &str| {
        format!(
            r#"{{ "times": [{{ "start": "{start}", "end": "18:00:00" }}], "times-location": "{zone}" }}"#
        )
    };
    let day = times("08:00:00", "UTC");
    let permit_of_both = permit(&[("a", &day), ("none", "{}"), ("b", &day)], "{}").unwrap();
    assert_eq!(permit_of_both.times().unwrap().len(), 1);
    assert_eq!(permit_of_both.times_location(), Some("UTC"));
    for other in [times("09:00:00", "UTC"), times("08:00:00", "Europe/Berlin")] {
        assert_eq!(
            permit(&[("a", &day), ("b", &other)], "{}"),
            Err("`b` has another set of `times` than what the login has besides".to_owned())
        );
    }
    let (reader, writer) = (r#"{ "role": "reader" }"#, r#"{ "role": "writer" }"#);
    let same = permit(&[("a", reader), ("b", reader)], "{}").unwrap();
    assert_eq!(same.role(), Some("reader"));
    assert_eq!(
        permit(&[("a", reader), ("b", writer)], "{}"),
        Err("`b` has another role than what the login has besides".to_owned())
    );
}

#[test]
fn one_profile_that_asks_for_a_proxy_is_enough() {
    let proxied = r#"{ "proxy-required": true }"#;
    for profiles in [[("a", proxied), ("b", "{}")], [("a", "{}"), ("b", proxied)]] {
        assert!(permit(&profiles, "{}").unwrap().proxy_required());
    }
}

#[test]
fn with_a_role_the_user_name_is_one_token() {
    let named = || Permit::new("APP").with_user_name("a.*.b@example.com");
    let add = |json: &str| combination(&[("own", json)], "{}").unwrap().add_to(named());
    let with_role = r#"{ "role": "reader" }"#;
    assert_eq!(add("{}").user_name(), Some("a.*.b@example.com"));
    for permit in [add(with_role), profile(with_role).add_to(named())] {
        assert_eq!(permit.user_name(), Some("a%2E%2A%2Eb@example%2Ecom"));
        assert_eq!(permit.problems(), [""; 0]);
    }
}
