//! Tests of the verdicts on logins.

use std::time::Duration;

use portcullis_sdk::log::Level;
use portcullis_sdk::{Method, Permit, Responses};

use super::*;

const STAFF: &str = r#"
    [settings]
    default-account = "APP"
    unknown-users = "UNKNOWN"
    [settings.profiles.staff]
    publish = { allow = ["orders.>"], deny = ["orders.archive"] }
    subscribe = { allow = ["_INBOX.>", "orders.new workers"], deny = ["secret"] }
    responses = { max = 3, ttl = "1m30s" }
    [settings.profiles.listener]
    subscribe = { allow = ["news"] }
    [settings.users.alice]
    password = "HASH"
    profile = "staff"
    expires-in = "1h30m"
    [settings.users.robot]
    token = "DIGEST"
    account = "ROBOTS"
    profile = "listener"
    [settings.users.zoe]
    password = "$2b$12$abcdefghijklmnopqrstuv"
    token = "$2b$12$vutsrqponmlkjihgfedcba"
    profile = "listener"
"#;

fn staff(unknown_users: &str) -> StaticUsers {
    let settings = STAFF
        .replace("UNKNOWN", unknown_users)
        .replace("HASH", HASH)
        .replace("DIGEST", DIGEST);
    policy(&settings)
}

fn robot() -> Permit {
    Permit::new("ROBOTS")
        .with_user_name("robot")
        .allow_subscribe(["news"])
}

#[test]
fn the_right_password_gets_the_permit_of_the_user() {
    let permit = Permit::new("APP")
        .with_user_name("alice")
        .allow_publish(["orders.>"])
        .deny_publish(["orders.archive"])
        .allow_subscribe(["_INBOX.>", "orders.new workers"])
        .deny_subscribe(["secret"])
        .allow_responses(Responses {
            max: 3,
            ttl: Duration::from_secs(90),
        })
        .limit_lifetime(Duration::from_mins(90));
    let request = login("alice", "secret").password_matches(HASH);
    assert_eq!(decide(&staff("abstain"), request), permit.into());
}

#[test]
fn what_bounds_a_login_is_in_the_permit() {
    let policy = policy(
        r#"
        [settings]
        default-account = "APP"
        [settings.profiles.office]
        role = "reader"
        sources = ["10.0.0.0/8", "fd00::/8"]
        connection-types = ["STANDARD", "WEBSOCKET"]
        times = [{ start = "08:00:00", end = "18:00:00" }]
        times-location = "Europe/Berlin"
        proxy-required = true
        [settings.users.alice]
        password = "$2b$12$abcdefghijklmnopqrstuv"
        profile = "office"
        "#,
    );
    let permit = Permit::new("APP")
        .with_user_name("alice")
        .with_role("reader")
        .allow_sources(["10.0.0.0/8", "fd00::/8"])
        .allow_connection_types(["STANDARD", "WEBSOCKET"])
        .allow_times([("08:00:00", "18:00:00")])
        .with_times_location("Europe/Berlin")
        .require_proxy();
    let request = login("alice", "secret").password_matches("$2b$12$abcdefghijklmnopqrstuv");
    assert_eq!(decide(&policy, request), permit.into());
}

#[test]
fn a_sentinel_does_not_hide_the_user() {
    let policy = staff("deny");
    let alice = login("alice", "secret").jwt("sentinel");
    assert!(matches!(
        decide(&policy, alice.clone().password_matches(HASH)),
        Verdict::Permit(_)
    ));
    assert_eq!(decide(&policy, alice), Verdict::deny("wrong password"));
    let robot = Request::builder().token("t").jwt("sentinel");
    assert!(matches!(
        decide(&policy, robot.token_matches(DIGEST)),
        Verdict::Permit(_)
    ));
    let sentinel_only = Request::builder().jwt("sentinel");
    assert_eq!(decide(&policy, sentinel_only), Verdict::Abstain);
}

#[test]
fn a_wrong_password_is_refused_with_any_setting_for_unknown_users() {
    for unknown_users in ["abstain", "deny"] {
        let verdict = decide(&staff(unknown_users), login("alice", "guess"));
        assert_eq!(verdict, Verdict::deny("wrong password"));
    }
}

#[test]
fn a_known_user_without_a_password_is_refused() {
    let verdict = decide(&staff("abstain"), Request::builder().username("alice"));
    assert_eq!(verdict, Verdict::deny("wrong password"));
}

#[test]
fn the_password_of_another_user_is_wrong() {
    let request = login("zoe", "secret").password_matches(HASH);
    let verdict = decide(&staff("abstain"), request);
    assert_eq!(verdict, Verdict::deny("wrong password"));
}

#[test]
fn unknown_users_abstain_or_are_refused() {
    let request = || login("mallory", "secret").password_matches(HASH);
    assert_eq!(decide(&staff("abstain"), request()), Verdict::Abstain);
    assert_eq!(
        decide(&staff("deny"), request()),
        Verdict::deny("unknown user")
    );
}

#[test]
fn a_password_without_a_name_is_that_of_an_unknown_user() {
    let request = Request::builder().password("secret").password_matches(HASH);
    let verdict = decide(&staff("deny"), request);
    assert_eq!(verdict, Verdict::deny("unknown user"));
}

#[test]
fn a_user_with_only_a_token_cannot_use_a_password() {
    let request = login("robot", "secret").password_matches(HASH);
    let verdict = decide(&staff("abstain"), request);
    assert_eq!(
        verdict,
        Verdict::deny("the user has no password, only a token")
    );
}

#[test]
fn the_right_token_gets_the_permit_of_its_user() {
    let request = Request::builder().token("long").token_matches(DIGEST);
    assert_eq!(decide(&staff("abstain"), request), robot().into());
}

#[test]
fn unknown_tokens_abstain_or_are_refused() {
    let request = || Request::builder().token("guess");
    assert_eq!(decide(&staff("abstain"), request()), Verdict::Abstain);
    assert_eq!(
        decide(&staff("deny"), request()),
        Verdict::deny("unknown token")
    );
}

#[test]
fn a_token_is_not_compared_with_passwords() {
    let request = Request::builder().token("secret").password_matches(HASH);
    assert_eq!(decide(&staff("abstain"), request), Verdict::Abstain);
}

#[test]
fn other_methods_are_left_to_other_policies() {
    let requests = [
        Request::builder(),
        Request::builder().jwt("eyJ"),
        Request::builder().username("alice").jwt("eyJ"),
        Request::builder().username("alice").nkey("UA"),
        login("alice", "secret").method(Method::from("passkey")),
    ];
    for request in requests {
        assert_eq!(decide(&staff("deny"), request), Verdict::Abstain);
    }
}

#[test]
fn a_hash_that_cannot_be_computed_is_a_refusal_with_the_reason() {
    let late = "the request's deadline passed before the hash was computed";
    let requests = [
        login("alice", "secret").hashing_fails(late),
        Request::builder().token("long").hashing_fails(late),
    ];
    for request in requests {
        assert_eq!(decide(&staff("abstain"), request), Verdict::deny(late));
    }
}

#[test]
fn an_unknown_user_costs_what_a_known_one_costs() {
    let policy = staff("abstain");
    let questions = |name: &str| {
        let request = login(name, "guess").build();
        let _ = policy.decide(&request);
        request.questions()
    };
    let known = questions("alice");
    assert_eq!(
        known,
        [
            "identity.method",
            "identity.username",
            "identity.password-matches"
        ]
    );
    assert_eq!(questions("mallory"), known);
    assert_eq!(questions("robot"), known);
}

#[test]
fn the_stand_in_is_a_configured_hash_and_plain_text_only_if_there_is_nothing_else() {
    assert_eq!(staff("abstain").stand_in.as_str(), HASH);
    let user = |name: &str, password: &str| {
        format!("users.{name} = {{ password = \"{password}\", profile = \"p\" }}\n")
    };
    let settings = |users: &str| {
        let head = "[settings]\ndefault-account = \"A\"\ndangerous-plain-text-passwords = true\n";
        policy(&format!("{head}profiles.p = {{}}\n{users}"))
    };
    let plain = user("a", "plain:x");
    let mixed = plain.clone() + &user("b", HASH);
    assert_eq!(settings(&mixed).stand_in.as_str(), HASH);
    assert_eq!(settings(&plain).stand_in.as_str(), "plain:x");
    let nobody = settings("").stand_in;
    assert!(nobody.as_str().starts_with("$argon2id$"), "{nobody:?}");
}

#[test]
fn every_token_is_compared_even_after_a_match() {
    let request = Request::builder()
        .token("long")
        .token_matches(DIGEST)
        .build();
    assert_eq!(staff("abstain").decide(&request), robot().into());
    let comparisons = request
        .questions()
        .iter()
        .filter(|question| *question == "identity.token-matches")
        .count();
    assert_eq!(comparisons, 2);
}

#[test]
fn no_users_at_all_is_fine() {
    let empty = policy("[settings]");
    assert_eq!(decide(&empty, login("alice", "secret")), Verdict::Abstain);
}

#[test]
fn plain_text_works_with_the_flag_and_a_warning() {
    testing::take_log();
    let policy = policy(
        r#"
        [settings]
        dangerous-plain-text-passwords = true
        profiles.any = {}
        users.alice = { password = "plain:secret", token = "plain:t", account = "A", profile = "any" }
        "#,
    );
    let levels: Vec<_> = testing::take_log().iter().map(|line| line.level).collect();
    assert_eq!(levels, [Level::Warn]);
    let permit = Permit::new("A").with_user_name("alice");
    assert_eq!(
        decide(&policy, login("alice", "secret")),
        permit.clone().into()
    );
    assert_eq!(
        decide(&policy, Request::builder().token("t")),
        permit.into()
    );
}

#[test]
fn debug_shows_no_hash() {
    let shown = format!("{:?}", staff("abstain"));
    assert!(
        !shown.contains("argon2") && !shown.contains("sha256"),
        "{shown}"
    );
}
