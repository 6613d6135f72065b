use nkeys::KeyPair;
use rstest::rstest;

use super::*;
use crate::keys::IssuerKey;

const SEED: &str = "SAAPN4W3EG6KCJGUQTKTJ5GSB5NHK5CHAJL4DBGFUM3HHROI4XUEP4OBK4";

fn answer(answer: Answer) -> ResponseClaims {
    let user = KeyPair::new_user().public_key();
    let server = KeyPair::new_server().public_key();
    ResponseClaims::new(&user, &server, answer, 100)
}

fn refusal(reason: &str) -> String {
    let claims = answer(Answer::Error(reason.to_owned()));
    claims.nats.error().unwrap().to_owned()
}

#[rstest]
#[case(include_str!("../../tests/fixtures/response-jwt.jwt"))]
#[case(include_str!("../../tests/fixtures/response-error.jwt"))]
fn responses_are_the_claims_that_go_writes(#[case] token: &str) {
    let golden = ResponseClaims::decode(token.trim()).unwrap();
    let answer = match golden.nats.jwt() {
        Some(jwt) => Answer::Jwt(jwt.to_owned()),
        None => Answer::Error(golden.nats.error().unwrap().to_owned()),
    };
    let mut ours = ResponseClaims::new(
        golden.subject.as_deref().unwrap(),
        golden.audience.as_deref().unwrap(),
        answer,
        golden.issued_at.unwrap(),
    );
    let issuer = IssuerKey::from_seed(SEED).unwrap();
    ours.issuer = Some(issuer.public_key().to_owned());
    ours.id = Some(ours.computed_id().unwrap());
    assert_eq!(
        serde_json::to_value(&ours).unwrap(),
        serde_json::to_value(&golden).unwrap()
    );
    // Ed25519 is deterministic, and field order and escapes are Go's, so the tokens are identical
    // byte for byte.
    assert_eq!(ours.sign(&issuer).unwrap(), token.trim());
}

#[test]
fn another_implementation_reads_the_same_response() {
    let issuer = IssuerKey::from_seed(SEED).unwrap();
    let jwt = "eyJ.x.y".to_owned();
    let claims = answer(Answer::Jwt(jwt.clone()));
    let (user, server) = (claims.subject.clone(), claims.audience.clone());
    let read =
        nats_token::decode_authorization_response_claims(&claims.sign(&issuer).unwrap()).unwrap();
    assert_eq!(Some(read.claims.subject.clone()), user);
    assert_eq!(Some(read.claims.audience.clone()), server);
    assert_eq!(read.claims.issued_at, 100);
    assert_eq!(read.authorization.jwt, Some(jwt));
    assert_eq!(read.authorization.error, None);
    let mut findings = nats_token::ValidationResults::default();
    read.validate(&mut findings);
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn a_reason_is_one_line_of_bounded_length_and_never_empty() {
    assert_eq!(refusal("policy-denied: no"), "policy-denied: no");
    assert_eq!(refusal("a\nb\u{7}c\r\n"), "a b c");
    assert_eq!(refusal(""), "denied");
    assert_eq!(refusal(" \n"), "denied");
    let long = refusal(&"ü".repeat(5_000));
    assert_eq!(long.len(), ResponseBody::MAX_REASON);
}

#[test]
fn debug_does_not_show_the_user_jwt() {
    let jwt = Answer::Jwt("eyJsecret".to_owned());
    let shown = format!("{jwt:?} {:?}", answer(jwt.clone()).nats);
    assert!(!shown.contains("eyJ"), "{shown}");
    let shown = format!("{:?}", answer(jwt));
    assert!(!shown.contains("eyJ"), "{shown}");
}
