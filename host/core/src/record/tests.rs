//! Tests of records.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    AuthorizationRequest, Claims, Client, Credentials, Identity, KeyKind, Method, Permit,
    PresentedNkey, PublicKey, Secret, Server, StepAnswer, Strength,
};

fn request() -> AuthorizationRequest {
    let claims = r#"{ "sub": "alice", "roles": ["c1aim"] }"#;
    let user = PublicKey::from_bytes(KeyKind::User, [1; PublicKey::LEN]);
    AuthorizationRequest {
        user_nkey: user,
        server: Server {
            name: "s1".to_owned(),
            ..Server::new(PublicKey::from_bytes(KeyKind::Server, [2; PublicKey::LEN]))
        },
        client: Client {
            host: Some("10.0.0.7".to_owned()),
            id: 7,
            ..Client::default()
        },
        credentials: Credentials {
            username: Some("alice".to_owned()),
            password: Some(Secret::new("s3cret")),
            token: Some(Secret::new("s3cret")),
            jwt: Some(Secret::new("eyJ.s3cret")),
            nkey: Some(PresentedNkey::from("s3cret".to_owned())),
            signature: Some(Secret::new("s3cret")),
        },
        identity: Identity {
            principal: Some("alice".to_owned()),
            method: Method::Oidc,
            strength: Strength::Proved,
            claims: Claims::from_json(claims).unwrap(),
            groups: vec!["gr0up".to_owned()],
            ..Identity::default()
        },
        received_at: 7,
    }
}

fn text(facts: &LoginFacts) -> String {
    serde_json::to_string(facts).unwrap()
}

#[test]
fn no_record_has_a_secret_and_claims_are_only_among_all_facts() {
    let request = request();
    let (shown, all) = (
        text(&LoginFacts::shown(&request)),
        text(&LoginFacts::all(&request)),
    );
    assert!(!shown.contains("s3cret") && !all.contains("s3cret"));
    for claim in ["c1aim", "gr0up"] {
        assert!(all.contains(claim) && !shown.contains(claim), "{claim}");
    }
    assert!(shown.contains("alice") && shown.contains("10.0.0.7"));
}

#[test]
fn an_unknown_address_is_stated_because_its_absence_means_an_ordinary_client() {
    let mut request = request();
    request.client.host = None;
    let facts = serde_json::to_value(LoginFacts::shown(&request)).unwrap();
    assert_eq!(facts.pointer("/client/host"), Some(&json!(null)));
    assert_eq!(facts.pointer("/client/name"), None);
}

#[test]
fn an_answer_names_the_version_and_what_it_asked() {
    let digest = crate::Digest::from_bytes([0xab; 32]);
    let step = PolicyStep {
        policy: std::sync::Arc::new(PolicyRef {
            name: "users".parse().unwrap(),
            digest,
            version: digest,
            generation: 3,
        }),
        is_guard: false,
        answer: StepAnswer::Abstain,
        asked: vec!["identity.username".to_owned()],
        began_at: std::time::Instant::now(),
        elapsed: Duration::from_micros(12),
    };
    let answer = serde_json::to_value(RecordedAnswer::from(&step)).unwrap();
    let expected = json!({
        "name": "users",
        "digest": digest.to_string(),
        "version": digest.to_string(),
        "generation": 3,
        "answer": "abstain",
        "asked": ["identity.username"],
        "elapsed-us": 12,
    });
    assert_eq!(answer, expected);
}

#[test]
fn a_side_that_allows_nothing_is_written_as_nothing() {
    let mut permit = Permit::builder("APP", 7);
    permit.publish_allow("orders.>");
    let access = RecordedAccess::from(&permit.finish().unwrap());
    let access = serde_json::to_value(access).unwrap();
    let expected = json!({
        "account": "APP",
        "publish": { "allow": ["orders.>"] },
        "subscribe": { "allow": [], "deny": [">"] },
    });
    assert_eq!(access, expected);
}

#[test]
fn outcomes_have_the_names_that_records_show() {
    for outcome in LoginOutcome::ALL {
        assert_eq!(
            serde_json::to_value(outcome).unwrap(),
            json!(outcome.as_str())
        );
    }
}
