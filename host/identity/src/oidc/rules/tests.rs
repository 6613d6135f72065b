use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::oidc::TokenAlgorithm;
use crate::oidc::testing::{NOW, claims, options};

fn token(claims: &Value) -> Token<'static> {
    Token {
        algorithm: TokenAlgorithm::Rs256,
        key: None,
        r#type: None,
        claims: Claims::from_json(&claims.to_string()).unwrap(),
        message: "",
        signature: "",
    }
}

/// Returns the valid claims with some replaced. `null` removes one.
fn changed(changes: &Value) -> Value {
    let mut all = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            all.as_object_mut().unwrap().remove(name);
        } else {
            all[name] = value.clone();
        }
    }
    all
}

fn outcome(options: &IssuerOptions, changes: &Value) -> Result<u64, &'static str> {
    check(&token(&changed(changes)), options, NOW).map_err(|error| error.kind())
}

#[test]
fn times_are_held_to_the_clock_with_leeway() {
    let options = IssuerOptions {
        leeway: Duration::from_secs(30),
        ..options()
    };
    for (changes, expected) in [
        (json!({}), Ok(NOW + 600)),
        (json!({ "exp": NOW + 1 }), Ok(NOW + 1)),
        (json!({ "exp": NOW }), Ok(NOW + 30)),
        (json!({ "exp": NOW - 29 }), Ok(NOW + 1)),
        (json!({ "exp": NOW - 30 }), Err("expired")),
        (json!({ "exp": 0 }), Err("expired")),
        (json!({ "exp": 4_102_444_800_u64 }), Ok(4_102_444_800)),
        (
            json!({ "exp": (NOW + 600) * 1000 }),
            Err("implausible-time"),
        ),
        (json!({ "exp": u64::MAX }), Err("implausible-time")),
        (json!({ "exp": 1.8e12 }), Err("implausible-time")),
        (json!({ "nbf": NOW * 1000 }), Err("implausible-time")),
        (json!({ "iat": (NOW - 10) * 1000 }), Err("implausible-time")),
        (json!({ "exp": 1_800_000_600.75 }), Ok(NOW + 600)),
        (json!({ "exp": null }), Err("no-time")),
        (json!({ "exp": "1800000600" }), Err("invalid-time")),
        (json!({ "exp": -1 }), Err("invalid-time")),
        (json!({ "exp": 1e300 }), Err("invalid-time")),
        (json!({ "exp": [] }), Err("invalid-time")),
        (json!({ "nbf": NOW + 30 }), Ok(NOW + 600)),
        (json!({ "nbf": NOW + 31 }), Err("from-the-future")),
        (json!({ "nbf": "soon" }), Err("invalid-time")),
        (json!({ "nbf": 0 }), Ok(NOW + 600)),
        (json!({ "iat": NOW + 30 }), Ok(NOW + 600)),
        (json!({ "iat": NOW + 31 }), Err("from-the-future")),
        (json!({ "iat": true }), Err("invalid-time")),
        (json!({ "iat": null }), Ok(NOW + 600)),
    ] {
        assert_eq!(outcome(&options, &changes), expected, "{changes}");
    }
}

#[test]
fn an_explicit_null_is_no_time() {
    let mut claims = claims();
    claims["exp"] = Value::Null;
    let error = check(&token(&claims), &options(), NOW).unwrap_err();
    assert_eq!(error.kind(), "invalid-time");
}

#[test]
fn tokens_may_be_too_old_before_they_expire() {
    let options = IssuerOptions {
        leeway: Duration::from_secs(5),
        max_age: Some(Duration::from_mins(1)),
        ..options()
    };
    for (changes, expected) in [
        (json!({ "iat": NOW - 65 }), Ok(NOW + 600)),
        (json!({ "iat": NOW - 66 }), Err("too-old")),
        (json!({ "iat": null }), Err("no-time")),
    ] {
        assert_eq!(outcome(&options, &changes), expected, "{changes}");
    }
}

/// Returns a restriction to `values`; [`Allowed::Any`] without values.
fn allowed(values: &[&str]) -> Allowed<String> {
    Allowed::only(values.iter().map(ToString::to_string)).unwrap_or(Allowed::Any)
}

#[test]
fn one_of_our_audiences_has_to_be_there() {
    let options = IssuerOptions {
        audiences: allowed(&["nats", "https://nats.example"]),
        ..options()
    };
    let refused = Err("wrong-audience");
    for (aud, expected) in [
        (json!("nats"), Ok(NOW + 600)),
        (json!(["web", "https://nats.example"]), Ok(NOW + 600)),
        (json!([1, null, "nats"]), Ok(NOW + 600)),
        (json!("web"), refused),
        (json!("nats "), refused),
        (json!("NATS"), refused),
        (json!("https://nats.example/"), refused),
        (json!("nats https://nats.example"), refused),
        (json!([]), refused),
        (json!(["web"]), refused),
        (json!([["nats"]]), refused),
        (json!({ "nats": "nats" }), refused),
        (json!(1), refused),
        (Value::Null, refused),
    ] {
        assert_eq!(outcome(&options, &json!({ "aud": aud })), expected, "{aud}");
    }
    let unchecked = IssuerOptions {
        audiences: Allowed::Any,
        ..options
    };
    assert_eq!(outcome(&unchecked, &json!({ "aud": null })), Ok(NOW + 600));
}

#[test]
fn claims_can_be_required() {
    let required = |path: &str, values: &[&str]| IssuerOptions {
        required_claims: vec![RequiredClaim {
            path: path.to_owned(),
            values: allowed(values),
        }],
        ..options()
    };
    let given =
        json!({ "email_verified": true, "realm": { "roles": ["a", "b"] }, "n": 3, "no": false });
    for (path, values, expected) in [
        ("email_verified", &["true"][..], Ok(NOW + 600)),
        ("email_verified", &[], Ok(NOW + 600)),
        ("realm.roles", &["x", "b"], Ok(NOW + 600)),
        ("realm", &[], Ok(NOW + 600)),
        ("n", &["3"], Ok(NOW + 600)),
        ("no", &["true"], Err("claim-refused")),
        ("realm.roles", &["c"], Err("claim-refused")),
        ("realm", &["a"], Err("claim-refused")),
        ("realm.roles.a", &[], Err("missing-claim")),
        ("tenant", &[], Err("missing-claim")),
        ("tenant", &["t"], Err("missing-claim")),
    ] {
        assert_eq!(
            outcome(&required(path, values), &given),
            expected,
            "{path} {values:?}"
        );
    }
    let mut null = claims();
    null["tenant"] = Value::Null;
    let error = check(&token(&null), &required("tenant", &[]), NOW).unwrap_err();
    assert_eq!(error.kind(), "missing-claim");
}

#[test]
fn the_type_can_be_required() {
    let options = IssuerOptions {
        token_types: allowed(&["at+jwt", "application/custom"]),
        ..options()
    };
    for (found, accepted) in [
        (Some("at+jwt"), true),
        (Some("AT+JWT"), true),
        (Some("application/at+jwt"), true),
        (Some("custom"), true),
        (Some("JWT"), false),
        (Some(""), false),
        (None, false),
    ] {
        let token = Token {
            r#type: found.map(str::to_owned),
            ..token(&claims())
        };
        let result = check(&token, &options, NOW).map_err(|error| error.kind());
        assert_eq!(result.is_ok(), accepted, "{found:?} {result:?}");
        assert!(result.is_ok() || result == Err("wrong-type"));
    }
}

#[test]
fn the_algorithm_has_to_be_on_the_list() {
    let options = IssuerOptions {
        algorithms: vec![TokenAlgorithm::Es256, TokenAlgorithm::Rs512],
        ..options()
    };
    assert_eq!(outcome(&options, &json!({})), Err("algorithm-refused"));
}

#[test]
fn the_first_path_with_one_text_is_the_principal() {
    let claims = Claims::from_json(
        r#"{ "empty": "", "many": ["a", "b"], "one": ["c"], "object": {}, "n": 7, "sub": "s" }"#,
    )
    .unwrap();
    for (paths, expected) in [
        (&["sub"][..], Some("s")),
        (
            &["none", "empty", "many", "object", "one", "sub"],
            Some("c"),
        ),
        (&["n"], Some("7")),
        (&["none"], None),
        (&[], None),
    ] {
        let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
        assert_eq!(principal(&claims, &paths).as_deref(), expected, "{paths:?}");
    }
}

#[test]
fn an_address_that_is_not_verified_is_no_principal() {
    let paths = ["email", "/email", "sub"].map(str::to_owned);
    for (verified, expected) in [
        ("true", "a@b.example"),
        (r#""true""#, "a@b.example"),
        ("false", "s"),
        ("null", "s"),
        (r#""yes""#, "s"),
    ] {
        let json =
            format!(r#"{{ "email": "a@b.example", "email_verified": {verified}, "sub": "s" }}"#);
        let claims = Claims::from_json(&json).unwrap();
        assert_eq!(
            principal(&claims, &paths).as_deref(),
            Some(expected),
            "{json}"
        );
    }
}

#[test]
fn members_of_an_object_are_groups_where_the_issuer_lists_it() {
    let claims = Claims::from_json(
        r#"{ "groups": { "silent": {} }, "urn:zitadel:iam:org:project:roles": { "writer": { "1": "a.example" }, "": {}, "admin": {} },
             "text": "alice" }"#,
    )
    .unwrap();
    assert_eq!(groups(&claims, &options().groups), [""; 0], "not asked for");
    let members = |path: &str| GroupPath {
        path: path.to_owned(),
        form: GroupForm::Members,
    };
    let paths = ["urn:zitadel:iam:org:project:roles", "text", "none"].map(members);
    assert_eq!(groups(&claims, &paths), ["admin", "writer"]);
}

#[test]
fn groups_are_collected_in_order_each_once() {
    let claims = Claims::from_json(
        r#"{ "scope": "read  write read", "groups": ["a b", "", "read"], "roles": "one two",
             "realm_access": { "roles": ["z", "a b"] } }"#,
    )
    .unwrap();
    let paths = options().groups;
    assert_eq!(
        groups(&claims, &paths),
        ["one two", "a b", "read", "z", "write"]
    );
    let reversed: Vec<GroupPath> = paths.into_iter().rev().collect();
    assert_eq!(
        groups(&claims, &reversed),
        ["read", "write", "z", "a b", "one two"]
    );
}
