use std::time::Duration;

use nkeys::KeyPair;
use portcullis_core::{PermitBuilder, ResponsePermission};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::Value;

use super::*;
use crate::keys::IssuerKey;

const SEED: &str = "SAAPN4W3EG6KCJGUQTKTJ5GSB5NHK5CHAJL4DBGFUM3HHROI4XUEP4OBK4";

fn issuer() -> IssuerKey {
    IssuerKey::from_seed(SEED).unwrap()
}

fn json_of(claims: &UserClaims) -> Value {
    serde_json::to_value(claims).unwrap()
}

fn full_permit() -> Permit {
    let mut builder = full_builder();
    builder.expires_at(3_700);
    builder.tag("team:users");
    builder.finish().unwrap()
}

/// Returns a builder of all that the golden user has, apart from its end and its tag.
fn full_builder() -> PermitBuilder {
    let mut builder = Permit::builder("APP", 100);
    builder.user_name("alice <&>");
    builder.publish_allow("a.>");
    builder.publish_allow("b");
    builder.publish_deny("a.secret");
    builder.subscribe_allow("_INBOX.>");
    builder.subscribe_allow("jobs workers");
    builder.responses_allow(5, Duration::from_mins(2));
    builder
}

#[test]
fn a_permit_becomes_the_claims_that_go_writes() {
    let golden = include_str!("../../tests/fixtures/user.jwt").trim();
    let golden = UserClaims::decode(golden).unwrap();
    let user = golden.subject.clone().unwrap();
    let mut builder = full_builder();
    builder.expires_at(golden.expires_at.unwrap());
    let permit = builder.finish().unwrap();
    // Only the host may set this tag.
    let tag = "policy:static-users".to_owned();
    let mut ours =
        UserClaims::from_permit(&user, &permit, golden.issued_at.unwrap()).with_tags([tag]);
    ours.issuer = Some(issuer().public_key().to_owned());
    ours.id = Some(ours.computed_id().unwrap());
    assert_eq!(json_of(&ours), json_of(&golden));
    assert_eq!(json_of(&ours)["nats"]["resp"]["ttl"], 120_000_000_000_u64);
}

#[test]
fn empty_lists_are_left_out() {
    let mut permit = Permit::builder("APP", 100);
    permit.publish_allow("a");
    let claims = UserClaims::from_permit("U", &permit.finish().unwrap(), 100);
    let expected = serde_json::json!({
        "aud": "APP",
        "iat": 100,
        "sub": "U",
        "nats": {
            "pub": { "allow": ["a"] },
            "sub": { "deny": [">"] },
            "subs": -1,
            "data": -1,
            "payload": -1,
            "type": "user",
            "version": 2,
        },
    });
    assert_eq!(json_of(&claims), expected);
}

#[test]
fn what_else_bounds_a_login_is_carried() {
    let mut builder = Permit::builder("APP", 100);
    builder.source_allow("10.0.0.0/8");
    builder.source_allow("2001:db8::/32");
    builder.connection_type_allow("WEBSOCKET");
    builder.connection_type_allow("IN_PROCESS");
    builder.time_allow("08:00:00", "17:30:00");
    builder.times_location("Europe/Berlin");
    builder.proxy_required();
    let claims = UserClaims::from_permit("U", &builder.finish().unwrap(), 100);
    let body = &json_of(&claims)["nats"];
    assert_eq!(
        body["src"],
        serde_json::json!(["10.0.0.0/8", "2001:db8::/32"])
    );
    assert_eq!(
        body["allowed_connection_types"],
        serde_json::json!(["WEBSOCKET", "IN_PROCESS"])
    );
    let times = serde_json::json!([{ "start": "08:00:00", "end": "17:30:00" }]);
    assert_eq!(body["times"], times);
    assert_eq!(body["times_location"], "Europe/Berlin");
    assert_eq!(body["proxy_required"], true);
    assert_eq!(body["bearer_token"], Value::Null);
}

#[test]
fn a_type_stands_for_its_twin_over_websocket() {
    let types = |names: &[&str]| {
        let mut builder = Permit::builder("APP", 100);
        for name in names {
            builder.connection_type_allow(name);
        }
        UserClaims::from_permit("U", &builder.finish().unwrap(), 100)
            .nats
            .into_fields()
            .allowed_connection_types
    };
    assert_eq!(types(&["MQTT"]), ["MQTT", "MQTT_WS"]);
    assert_eq!(
        types(&["LEAFNODE", "MQTT_WS"]),
        ["LEAFNODE", "MQTT_WS", "LEAFNODE_WS"]
    );
    assert_eq!(types(&["STANDARD"]), ["STANDARD"]);
    assert_eq!(types(&[]), [""; 0]);
}

#[test]
fn limits_are_carried() {
    let mut builder = Permit::builder("APP", 100);
    builder.limit_subscriptions(10);
    builder.limit_payload(4096);
    let claims = UserClaims::from_permit("U", &builder.finish().unwrap(), 100);
    let body = &json_of(&claims)["nats"];
    assert_eq!(
        (&body["subs"], &body["payload"]),
        (&10.into(), &4096.into())
    );
    assert_eq!(body["data"], -1);
}

#[test]
fn a_permit_without_permissions_allows_nothing() {
    let mut permit = full_permit();
    permit.narrow_to(portcullis_core::Permissions::default());
    let claims = UserClaims::from_permit("U", &permit, 100);
    assert_eq!(claims.nats.publish.deny, [">"]);
    assert_eq!(claims.nats.subscribe.deny, [">"]);
}

#[test]
fn tags_of_the_caller_follow_those_of_the_permit() {
    let tag = "policy-generation:7".to_owned();
    let claims = UserClaims::from_permit("U", &full_permit(), 100).with_tags([tag]);
    assert_eq!(claims.nats.tags, ["team:users", "policy-generation:7"]);
}

#[test]
fn operator_mode_names_the_account_by_its_key() {
    let claims = UserClaims::from_permit("U", &full_permit(), 100);
    let own = claims.clone().in_operator_mode(None);
    assert_eq!((own.audience, &own.nats.issuer_account), (None, &None));
    let account = KeyPair::new_account().public_key();
    let json = json_of(&claims.clone().in_operator_mode(Some(&account)));
    assert_eq!(json["aud"], Value::Null);
    assert_eq!(json["nats"]["issuer_account"], account);
    assert_eq!(json["nats"]["pub"], json_of(&claims)["nats"]["pub"]);
}

#[test]
fn a_scoped_user_has_neither_permissions_nor_limits() {
    let claims = UserClaims::from_permit("U", &full_permit(), 100);
    assert!(!claims.nats.is_bare());
    let scoped = claims.in_operator_mode(Some("A")).scoped();
    assert!(scoped.nats.is_bare());
    let expected = serde_json::json!({
        "exp": 3_700,
        "iat": 100,
        "name": "alice <&>",
        "sub": "U",
        "nats": {
            "pub": {},
            "sub": {},
            "issuer_account": "A",
            "tags": ["team:users"],
            "type": "user",
            "version": 2,
        },
    });
    assert_eq!(json_of(&scoped), expected);
}

#[rstest]
#[case(r#"{"pub": {"allow": ["a"]}}"#)]
#[case(r#"{"sub": {"deny": [">"]}}"#)]
#[case(r#"{"resp": {}}"#)]
#[case(r#"{"src": "10.0.0.0/8"}"#)]
#[case(r#"{"times": [{}]}"#)]
#[case(r#"{"times_location": "Europe/Berlin"}"#)]
#[case(r#"{"subs": -1}"#)]
#[case(r#"{"data": 1}"#)]
#[case(r#"{"payload": 1}"#)]
#[case(r#"{"bearer_token": true}"#)]
#[case(r#"{"proxy_required": true}"#)]
#[case(r#"{"allowed_connection_types": ["MQTT"]}"#)]
fn every_field_of_a_template_makes_a_user_not_bare(#[case] json: &str) {
    let body: UserBody = serde_json::from_str(json).unwrap();
    assert!(!body.is_bare());
}

#[test]
fn what_is_unknown_missing_or_null_is_read_as_nothing() {
    let nothing: UserBody = serde_json::from_str(r#"{"later": {"than": 2}}"#).unwrap();
    assert_eq!(nothing, UserBody::default());
    let nulls: UserBody = serde_json::from_str(
        r#"{"pub": null, "sub": {"allow": null, "deny": null}, "resp": null, "src": null, "times": null,
            "times_location": null, "subs": null, "data": null, "payload": null, "bearer_token": null,
            "proxy_required": null, "allowed_connection_types": null, "issuer_account": null,
            "tags": null, "type": null, "version": null}"#,
    )
    .unwrap();
    assert_eq!(nulls, UserBody::default());
    let claims: UserClaims = serde_json::from_str(r#"{"nats": null}"#).unwrap();
    assert_eq!(claims.nats, UserBody::default());
}

#[test]
fn an_endless_response_permission_fits_the_servers_number() {
    let rule = ResponseRule::from(ResponsePermission {
        max: u32::MAX,
        ttl: Duration::MAX,
    });
    assert_eq!(rule.ttl, i64::MAX);
    assert_eq!(rule.max, i64::from(u32::MAX));
}

#[test]
fn a_permit_too_large_for_a_token_is_not_signed() {
    let permit = Permit::builder("APP", 100).finish().unwrap();
    let mut claims = UserClaims::from_permit("U", &permit, 100);
    // This is more than a permit can carry.
    claims.nats.publish.allow = vec!["a".repeat(1000); 1000];
    let error = claims.sign(&issuer()).unwrap_err();
    assert!(matches!(error, crate::jwt::SignError::TooLarge));
}

#[test]
fn another_implementation_reads_the_same_user() {
    let user = KeyPair::new_user().public_key();
    let claims = UserClaims::from_permit(&user, &full_permit(), 100);
    let token = claims.sign(&issuer()).unwrap();
    let read = nats_token::decode_user_claims(&token).unwrap();
    assert_eq!(read.claims.subject, user);
    assert_eq!(read.claims.issuer, issuer().public_key());
    assert_eq!(read.claims.audience, "APP");
    assert_eq!(read.claims.name, "alice <&>");
    assert_eq!(read.claims.issued_at, 100);
    assert_eq!(read.claims.expires, 3_700);
    let value = serde_json::to_value(&read.user).unwrap();
    assert_eq!(value["pub"]["allow"], serde_json::json!(["a.>", "b"]));
    assert_eq!(value["pub"]["deny"], serde_json::json!(["a.secret"]));
    assert_eq!(
        value["sub"]["allow"],
        serde_json::json!(["_INBOX.>", "jobs workers"])
    );
    assert_eq!(value["resp"]["max"], 5);
    assert_eq!(value["resp"]["ttl"], 120_000_000_000_u64);
    assert_eq!(value["subs"], -1);
    assert_eq!(value["data"], -1);
    assert_eq!(value["payload"], -1);
    assert_eq!(value["tags"], serde_json::json!(["team:users"]));
    let mut findings = nats_token::ValidationResults::default();
    read.validate(&mut findings);
    assert!(findings.errors().is_empty(), "{findings:?}");
}

#[test]
fn users_of_another_implementation_are_read() {
    let account = nats_token::KeyPair::new_account();
    let mut made = nats_token::UserClaims::new(KeyPair::new_user().public_key()).unwrap();
    made.claims.audience = "APP".to_owned();
    let read = UserClaims::decode(&made.encode(&account).unwrap()).unwrap();
    assert_eq!(read.audience.as_deref(), Some("APP"));
    assert_eq!(read.nats.subs, -1);
    assert_eq!(read.id, Some(made.claims.id.clone()));
}

prop_compose! {
    /// Generates permits as policies make them, received at 100.
    pub(crate) fn permits()(
        account in "[A-Z]{1,9}",
        name in prop::option::of("[^\\p{Cc}]{1,40}"),
        allow in prop::collection::vec("[a-z<&]{1,5}(\\.[a-z*]{1,5}){0,3}", 0..6),
        deny in prop::collection::vec("[a-zü]{1,5}( [a-z]{1,5})?", 0..6),
        responses in prop::option::of((any::<u32>(), any::<u64>())),
        expires_at in prop::option::of(101..=Permit::MAX_EXPIRY),
        tags in prop::collection::vec("[^\\p{Cc}]{1,20}", 0..6),
    ) -> Permit {
        let mut builder = Permit::builder(account, 100);
        if let Some(name) = name { builder.user_name(&name); }
        for subject in &allow { builder.publish_allow(subject); }
        for subject in &deny { builder.subscribe_deny(subject); }
        if let Some((max, ttl)) = responses { builder.responses_allow(max, Duration::from_millis(ttl)); }
        if let Some(time) = expires_at { builder.expires_at(time); }
        for tag in &tags { builder.tag(tag); }
        builder.finish().unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_permit_is_read_back_from_its_token(permit in permits(), issued_at in any::<u64>()) {
        let user = KeyPair::new_user().public_key();
        let issuer = issuer();
        let claims = UserClaims::from_permit(&user, &permit, issued_at);
        let read = UserClaims::decode(&claims.clone().sign(&issuer).unwrap()).unwrap();
        prop_assert_eq!(read.issuer.as_deref(), Some(issuer.public_key()));
        prop_assert_eq!(read.id.clone(), Some(read.computed_id().unwrap()));
        prop_assert_eq!(&read.nats, &claims.nats);
        prop_assert_eq!(read.audience, claims.audience);
        prop_assert_eq!(read.name, claims.name);
        prop_assert_eq!(read.subject, claims.subject);
        prop_assert_eq!(read.issued_at, claims.issued_at);
        prop_assert_eq!(read.expires_at, claims.expires_at);
    }
}
