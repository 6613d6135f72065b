//! Tests of bounds that several roles set.

use std::time::Duration;

use portcullis_sdk::Responses;

use super::*;

const SETTINGS: &str = r#"
    [settings]
    account = "APP"
    issuers = ["https://id.example"]
    [settings.roles.everything]
    publish = { allow = ["a"] }
    responses = { max = 3, ttl = "5s" }
    role = "reader"
    sources = ["10.0.0.0/8", "192.168.0.0/16"]
    connection-types = ["STANDARD", "MQTT"]
    times = [{ start = "08:00:00", end = "18:00:00" }]
    times-location = "UTC"
    proxy-required = true
    [settings.roles.answers]
    responses = { max = 1, ttl = "1h" }
    [settings.roles.office]
    publish = { allow = ["b"] }
    sources = ["10.1.0.0/16"]
    connection-types = ["STANDARD", "WEBSOCKET"]
    [settings.roles.home]
    sources = ["192.0.2.0/24"]
    [settings.roles.browser]
    connection-types = ["WEBSOCKET"]
    [settings.roles.night]
    times = [{ start = "18:00:00", end = "08:00:00" }]
    times-location = "UTC"
    [settings.roles.writer]
    role = "writer"
"#;

fn login(names: &[&str]) -> Verdict {
    decide(&policy(SETTINGS), roles(names))
}

fn everything() -> Permit {
    alice()
        .allow_publish(["a"])
        .allow_responses(Responses {
            max: 3,
            ttl: Duration::from_secs(5),
        })
        .with_role("reader")
        .allow_times([("08:00:00", "18:00:00")])
        .with_times_location("UTC")
        .require_proxy()
}

#[test]
fn one_role_has_its_bounds() {
    let permit = everything()
        .allow_sources(["10.0.0.0/8", "192.168.0.0/16"])
        .allow_connection_types(["STANDARD", "MQTT"]);
    assert_eq!(login(&["everything"]), permit.clone().into());
    assert_eq!(
        login(&["everything", "everything", "answers"]),
        permit.into()
    );
}

#[test]
fn the_bounds_of_one_role_bound_what_another_allows() {
    let permit = everything()
        .allow_publish(["b"])
        .allow_sources(["10.1.0.0/16"])
        .allow_connection_types(["STANDARD"]);
    assert_eq!(login(&["everything", "office"]), permit.into());
}

#[test]
fn roles_whose_bounds_cannot_hold_together_refuse_the_login() {
    for (names, reason) in [
        (
            &["office", "home"][..],
            "`home` has no network of `sources` in common with what the login has besides",
        ),
        (
            &["everything", "browser"],
            "`browser` has no type of `connection-types` in common with what the login has besides",
        ),
        (
            &["everything", "night"],
            "`night` has another set of `times` than what the login has besides",
        ),
        (
            &["everything", "writer"],
            "`writer` has another role than what the login has besides",
        ),
    ] {
        assert_eq!(login(names), Verdict::deny(reason), "{names:?}");
    }
}
