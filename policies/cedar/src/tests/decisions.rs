//! Tests of verdicts.

use portcullis_sdk::testing::take_log;
use portcullis_sdk::{ConnectionType, Method, Permit};

use super::*;

const ORDERS: &str = r#"
@id("connects")
permit (principal in Group::"orders", action == Action::"connect", resource == Account::"APP");
permit (principal in Group::"orders", action == Action::"use", resource == Profile::"reader");
@id("writes")
permit (principal in Group::"orders", action == Action::"use", resource == Profile::"writer")
when { principal.claims has clearance && principal.claims.clearance >= 2 };
"#;

fn alice(account: &str) -> Permit {
    Permit::new(account).with_user_name("alice")
}

#[test]
fn the_permit_has_the_account_and_the_profiles_that_are_permitted() {
    let reads = alice("APP").allow_subscribe(["orders.>"]);
    let both = reads.clone().allow_publish(["orders.new.alice"]);
    assert_eq!(decide(ORDERS, login(&["orders"])), both.into());
    let apprentice = token(r#"{ "sub": "alice", "clearance": 1 }"#).groups(["orders"]);
    assert_eq!(decide(ORDERS, apprentice), reads.into());
}

#[test]
fn the_log_names_the_policies_that_decided() {
    let _ = take_log();
    let _ = decide(ORDERS, login(&["orders"]));
    let lines: Vec<_> = take_log().into_iter().map(|line| line.message).collect();
    assert_eq!(lines, ["permitted by `connects`, `policy1`, `writes`"]);
}

#[test]
fn the_first_permitted_account_counts() {
    let any = "permit (principal, action == Action::\"connect\", resource);";
    assert_eq!(decide(any, login(&[])), alice("APP").into());
    let one = r#"permit (principal, action == Action::"connect", resource == Account::"REPORTS");"#;
    assert_eq!(decide(one, login(&[])), alice("REPORTS").into());
}

#[test]
fn a_login_without_a_permit_is_denied_or_left_to_the_next_policy() {
    let denied = Verdict::deny(
        "no account to connect to: no policy permits `APP`, no policy permits `REPORTS`",
    );
    assert_eq!(decide(ORDERS, login(&["returns"])), denied);
    let abstaining = SETTINGS.replace("[settings]", "[settings]\nwithout-permit = \"abstain\"");
    let policy = with_text(&abstaining, ORDERS).unwrap();
    assert_eq!(
        policy.decide(&login(&["returns"]).build()),
        Verdict::Abstain
    );
}

#[test]
fn a_forbidden_login_is_denied_with_the_id() {
    let text = format!("{ORDERS}@id(\"closed\") forbid (principal, action, resource);");
    let abstaining = SETTINGS.replace("[settings]", "[settings]\nwithout-permit = \"abstain\"");
    for settings in [SETTINGS, &abstaining] {
        let verdict = with_text(settings, &text)
            .unwrap()
            .decide(&login(&["orders"]).build());
        assert_eq!(
            verdict,
            Verdict::deny(
                "no account to connect to: `closed` forbids `APP`, `closed` forbids `REPORTS`"
            )
        );
    }
}

#[test]
fn an_error_in_a_policy_denies() {
    let text = r#"
        permit (principal, action, resource);
        forbid (principal, action == Action::"connect", resource)
        when { context.now + 9223372036854775807 > 0 };
    "#;
    let Verdict::Deny(reason) = decide(text, login(&[])) else {
        panic!("the login is not denied");
    };
    assert!(reason.starts_with("an error in Cedar: "), "{reason}");
    assert!(reason.contains("policy1"), "{reason}");
}

#[test]
fn a_claim_of_another_type_denies() {
    for (claim, value) in [
        ("clearance", "\"2\""),
        ("clearance", "2.5"),
        ("teams", "[\"red\", 1]"),
        ("teams", "{}"),
    ] {
        let claims = format!(r#"{{ "sub": "alice", "{claim}": {value} }}"#);
        let verdict = decide(ORDERS, token(&claims).groups(["orders"]));
        let reason = format!("claim `{claim}` does not have the type that the settings declare");
        assert_eq!(verdict, Verdict::Deny(reason), "{value}");
    }
}

#[test]
fn policies_read_the_facts_of_the_login() {
    let request = || {
        login(&["orders"])
            .client_host("10.1.2.3")
            .client_tls("1.3", "TLS_AES_128_GCM_SHA256")
            .client_connection_type(ConnectionType::Mqtt)
            .now(1_800_000_000)
    };
    for condition in [
        r#"principal == User::"alice" && principal.name == "alice""#,
        r#"principal.method == "oidc" && principal.strength == "proved""#,
        r#"principal has issuer && principal.issuer == "https://login.example.com""#,
        r#"principal.claims has teams && principal.claims.teams.contains("blue")"#,
        r#"context has address && context.address.isInRange(ip("10.0.0.0/8"))"#,
        r#"context has connectionType && context.connectionType == "MQTT" && context.tls"#,
        "context.now == 1800000000",
    ] {
        let text = |condition| {
            format!(
                "permit (principal, action == Action::\"connect\", resource) when {{ {condition} }};"
            )
        };
        let verdict = decide(&text(condition.to_owned()), request());
        assert_eq!(verdict, alice("APP").into(), "{condition}");
        let verdict = decide(&text(format!("!({condition})")), request());
        assert!(matches!(verdict, Verdict::Deny(_)), "{condition}");
    }
}

#[test]
fn other_logins_are_left_to_the_next_policy() {
    let any = "permit (principal, action, resource);";
    let stranger = Request::builder().oidc("https://id.example", r#"{ "sub": "alice" }"#);
    let nkey = Request::builder()
        .method(Method::Nkey)
        .principal("UA")
        .proved();
    let claimed = Request::builder().username("alice");
    for request in [stranger, nkey, claimed] {
        assert_eq!(decide(any, request), Verdict::Abstain);
    }
}

#[test]
fn methods_and_claimed_logins_are_decided_if_the_settings_say_so() {
    let any = r#"permit (principal, action == Action::"connect", resource);"#;
    let settings = SETTINGS.replace(
        "[settings]",
        "[settings]\nmethods = [\"nkey\", \"password\"]",
    );
    let nkey = || {
        Request::builder()
            .method(Method::Nkey)
            .principal("UA")
            .proved()
    };
    let claimed = || Request::builder().username("bob").principal("bob");
    let named = |name: &str| Permit::new("APP").with_user_name(name).into();
    let proved = with_text(&settings, any).unwrap();
    assert_eq!(proved.decide(&nkey().build()), named("UA"));
    assert_eq!(proved.decide(&claimed().build()), Verdict::Abstain);
    let settings = settings.replace("methods", "claimed-logins = true\nmethods");
    let both = with_text(&settings, any).unwrap();
    assert_eq!(both.decide(&claimed().build()), named("bob"));
}
