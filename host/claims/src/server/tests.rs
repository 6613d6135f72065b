mod modes;

use nkeys::KeyPair;
use portcullis_core::{PermissionSubject, Permit};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::jwt::tests::{HEADER_JSON, token_of};
use crate::jwt::{Signatures, TokenError};
use crate::keys::IssuerKey;
use crate::response::{Answer, ResponseClaims};
use crate::user::UserClaims;
use crate::user::tests::permits;

const NOW: u64 = 1_000;

/// A login with a response that is about to leave.
struct Login {
    issuer: KeyPair,
    user: String,
    server: String,
}

impl Login {
    fn new() -> Self {
        Self {
            issuer: KeyPair::new_account(),
            user: KeyPair::new_user().public_key(),
            server: KeyPair::new_server().public_key(),
        }
    }

    fn user_claims(&self) -> Value {
        json!({
            "aud": "APP",
            "iat": NOW,
            "iss": self.issuer.public_key(),
            "sub": self.user,
            "nats": {
                "pub": { "allow": ["a.>"], "deny": ["a.b"] },
                "sub": { "allow": ["jobs workers"] },
                "type": "user",
                "version": 2,
            },
        })
    }

    fn response_claims(&self, jwt: &str) -> Value {
        json!({
            "aud": self.server,
            "iat": NOW,
            "iss": self.issuer.public_key(),
            "sub": self.user,
            "nats": { "jwt": jwt, "type": "authorization_response", "version": 2 },
        })
    }

    fn token(&self, claims: &Value) -> String {
        token_of(HEADER_JSON, &claims.to_string(), &self.issuer)
    }

    fn preflight(&self, token: &str, signatures: Signatures) -> Result<(), Refusal> {
        let issuer = self.issuer.public_key();
        let expectations = Expectations {
            user_nkey: &self.user,
            server_id: &self.server,
            issuer: &issuer,
            now: NOW,
        };
        preflight(token, expectations, signatures)
    }
}

fn edited(mut claims: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    claims.pointer_mut(parent).unwrap()[key] = value;
    claims
}

/// Returns the verdict on a valid response with one field of the response changed.
fn with_response(pointer: &str, value: Value) -> Result<(), Refusal> {
    let login = Login::new();
    let jwt = login.token(&login.user_claims());
    let claims = edited(login.response_claims(&jwt), pointer, value);
    login.preflight(&login.token(&claims), Signatures::Verify)
}

/// Returns the verdict on a valid response with one field of the user JWT changed.
fn with_user(pointer: &str, value: Value) -> Result<(), Refusal> {
    let login = Login::new();
    let jwt = login.token(&edited(login.user_claims(), pointer, value));
    let token = login.token(&login.response_claims(&jwt));
    let verdict = login.preflight(&token, Signatures::Verify);
    assert_eq!(login.preflight(&token, Signatures::Trust), verdict);
    verdict
}

#[test]
fn what_this_crate_makes_passes() {
    let seed = IssuerKey::generate_seed().unwrap();
    let issuer = IssuerKey::from_seed(seed.expose()).unwrap();
    let login = Login::new();
    let expectations = Expectations {
        user_nkey: &login.user,
        server_id: &login.server,
        issuer: issuer.public_key(),
        now: NOW,
    };
    let permit = Permit::builder("APP", NOW).finish().unwrap();
    let user = UserClaims::from_permit(&login.user, &permit, NOW);
    for answer in [
        Answer::Jwt(user.sign(&issuer).unwrap()),
        Answer::Error("no".to_owned()),
    ] {
        let response = ResponseClaims::new(&login.user, &login.server, answer, NOW);
        let token = response.sign(&issuer).unwrap();
        for signatures in [Signatures::Verify, Signatures::Trust] {
            assert_eq!(preflight(&token, expectations, signatures), Ok(()));
        }
    }
}

#[rstest]
#[case(include_str!("../../tests/fixtures/response-jwt.jwt"))]
#[case(include_str!("../../tests/fixtures/response-error.jwt"))]
fn what_go_makes_passes(#[case] token: &str) {
    let expectations = Expectations {
        user_nkey: "UBZU2G3ZVFT4NJNIDRRNA47KZI5TCAGYRE72F5DDTSMKZGBLFCTA4WD5",
        server_id: "NCBZ5GGBPVWMJPM2IBAI5AR4A6YGB3CWGZESM6O2DQHAE6Q2VVUHHTUE",
        issuer: "ACODERUVFFAWZQDSS6SBIACUA5O6SXF7HJ3YTYXBALHZP3P7R4BUO4J2",
        now: 1_795_300_862,
    };
    assert_eq!(
        preflight(token.trim(), expectations, Signatures::Verify),
        Ok(())
    );
}

#[rstest]
#[case("/sub", json!("x"), Refusal::SubjectKind)]
#[case("/sub", Value::Null, Refusal::SubjectKind)]
#[case("/sub", json!(KeyPair::new_user().public_key()), Refusal::User(Part::Response))]
#[case("/aud", json!("APP"), Refusal::AudienceKind)]
#[case("/aud", Value::Null, Refusal::AudienceKind)]
#[case("/aud", json!(KeyPair::new_server().public_key()), Refusal::Server)]
#[case("/nats/error", json!("no"), Refusal::TwoAnswers)]
#[case("/nats/jwt", json!(""), Refusal::NoAnswer)]
#[case("/nats/jwt", Value::Null, Refusal::NoAnswer)]
#[case("/nats/issuer_account", json!("A"), Refusal::IssuerAccountKind(Part::Response))]
#[case("/nats/type", json!("user"), token(Part::Response, TokenError::Kind("authorization_response")))]
#[case(
    "/nats/version",
    Value::Null,
    token(Part::Response, TokenError::Signature)
)]
#[case("/nats/version", json!(3), token(Part::Response, TokenError::Version(3)))]
#[case("/iss", json!(KeyPair::new_account().public_key()), token(Part::Response, TokenError::Signature))]
#[case("/exp", json!(NOW - 1), Refusal::Expired { part: Part::Response, expires_at: NOW - 1, now: NOW })]
#[case("/nbf", json!(NOW + 1), Refusal::NotYetValid { part: Part::Response, not_before: NOW + 1, now: NOW })]
#[case("/nats/jwt", json!("x.y.z"), token(Part::User, TokenError::Base64("header")))]
fn a_wrong_response_is_refused(
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] expected: Refusal,
) {
    assert_eq!(with_response(pointer, value), Err(expected));
}

#[rstest]
#[case("/sub", json!(KeyPair::new_user().public_key()), Refusal::User(Part::User))]
#[case("/aud", Value::Null, Refusal::NoAccount)]
#[case("/aud", json!(""), Refusal::NoAccount)]
#[case("/exp", json!(u64::MAX), Refusal::TimeOutOfRange(Part::User))]
#[case("/exp", json!(NOW - 1), Refusal::Expired { part: Part::User, expires_at: NOW - 1, now: NOW })]
#[case("/nbf", json!(NOW + 1), Refusal::NotYetValid { part: Part::User, not_before: NOW + 1, now: NOW })]
#[case("/nats/issuer_account", json!("A"), Refusal::IssuerAccountKind(Part::User))]
#[case("/nats/issuer_account", json!(KeyPair::new_account().public_key()), Refusal::IssuerAccount(Part::User))]
#[case("/nats/type", json!("account"), token(Part::User, TokenError::Kind("user")))]
#[case("/nats/pub/allow", json!(["ok", "a..b"]), PUB)]
#[case("/nats/pub/deny", json!(["jobs workers"]), PUB)]
#[case("/nats/sub/allow", json!(["a b c"]), SUB)]
#[case("/nats/sub/deny", json!([""]), SUB)]
#[case("/nats/pub/deny", json!(["a.>.b"]), dropped("a.>.b"))]
#[case("/nats/pub/deny", json!(["a\tb"]), dropped("a\tb"))]
#[case("/nats/src", json!(["10.0.0.0"]), Refusal::Source)]
#[case("/nats/times", json!([{ "start": "8", "end": "09:00:00" }]), Refusal::Time)]
#[case("/nats/times", json!([{ "start": "08:00:00", "end": "09:00:00" }]), Refusal::TimeZoneUnknown)]
#[case("/nats/times_location", json!("Mars/Olympus"), Refusal::TimeZone)]
#[case("/nats/allowed_connection_types", json!(["CARRIER_PIGEON"]), Refusal::ConnectionTypes)]
#[case("/nats/allowed_connection_types", json!(["IN_PROCESS"]), Refusal::ConnectionTypes)]
#[case("/nats/proxy_required", json!(true), Refusal::ProxyNotEnforced)]
fn a_wrong_user_jwt_is_refused(
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] expected: Refusal,
) {
    assert_eq!(with_user(pointer, value), Err(expected));
}

#[rstest]
#[case("/exp", json!(NOW))]
#[case("/exp", json!(0))]
#[case("/nats/issuer_account", json!(""))]
#[case("/nats/resp", json!({ "max": 1, "ttl": 5 }))]
fn what_a_server_takes_passes(#[case] pointer: &str, #[case] value: Value) {
    assert_eq!(with_user(pointer, value), Ok(()));
}

#[test]
fn a_user_jwt_without_version_is_refused_even_unverified() {
    let login = Login::new();
    let user = edited(login.user_claims(), "/nats/version", Value::Null);
    let token = login.token(&login.response_claims(&login.token(&user)));
    assert_eq!(
        login.preflight(&token, Signatures::Verify),
        Err(self::token(Part::User, TokenError::Signature))
    );
    assert_eq!(
        login.preflight(&token, Signatures::Trust),
        Err(self::token(Part::User, TokenError::Version(0)))
    );
}

#[test]
fn a_duration_in_words_is_refused() {
    let refusal = with_user("/nats/resp", json!({ "max": 1, "ttl": "2m" })).unwrap_err();
    assert!(
        matches!(
            refusal,
            Refusal::Token {
                part: Part::User,
                source: TokenError::Claims { .. }
            }
        ),
        "{refusal}"
    );
}

#[test]
fn another_issuer_is_refused() {
    let login = Login::new();
    let other = Login {
        issuer: KeyPair::new_account(),
        user: login.user.clone(),
        server: login.server.clone(),
    };
    let foreign = other.token(&other.user_claims());
    let inner = login.token(&login.response_claims(&foreign));
    assert_eq!(
        login.preflight(&inner, Signatures::Verify),
        Err(Refusal::Issuer(Part::User))
    );
    let outer = other.token(&other.response_claims(&foreign));
    assert_eq!(
        login.preflight(&outer, Signatures::Verify),
        Err(Refusal::Issuer(Part::Response))
    );
}

#[test]
fn a_broken_signature_is_refused_when_it_is_verified() {
    let login = Login::new();
    let other = KeyPair::new_account();
    let claims = login.response_claims(&login.token(&login.user_claims()));
    let forged = token_of(HEADER_JSON, &claims.to_string(), &other);
    assert_eq!(
        login.preflight(&forged, Signatures::Verify),
        Err(token(Part::Response, TokenError::Signature))
    );
    assert_eq!(login.preflight(&forged, Signatures::Trust), Ok(()));
}

#[test]
fn nothing_and_too_much_are_refused() {
    let login = Login::new();
    assert_eq!(login.preflight("", Signatures::Verify), Err(Refusal::Empty));
    assert_eq!(
        login.preflight("\r\n", Signatures::Verify),
        Err(token(Part::Response, TokenError::Chunks))
    );
    let long = "a".repeat(crate::MAX_TOKEN_SIZE + 1);
    assert_eq!(
        login.preflight(&long, Signatures::Verify),
        Err(token(Part::Response, TokenError::TooLarge))
    );
}

const fn token(part: Part, source: TokenError) -> Refusal {
    Refusal::Token { part, source }
}

const PUB: Refusal = Refusal::SubjectForm(PermissionSide::Publish);
const SUB: Refusal = Refusal::SubjectForm(PermissionSide::Subscribe);

/// Returns the refusal of a subject that a server accepts and then drops.
fn dropped(subject: &str) -> Refusal {
    let source = PermissionSubject::publish(subject).unwrap_err();
    let side = PermissionSide::Publish;
    Refusal::Subject { side, source }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_permit_passes(permit in permits(), reason in "\\PC{0,40}") {
        let seed = IssuerKey::generate_seed().unwrap();
        let issuer = IssuerKey::from_seed(seed.expose()).unwrap();
        let login = Login::new();
        let expectations = Expectations {
            user_nkey: &login.user,
            server_id: &login.server,
            issuer: issuer.public_key(),
            now: 100,
        };
        let user = UserClaims::from_permit(&login.user, &permit, 100);
        for answer in [Answer::Jwt(user.sign(&issuer).unwrap()), Answer::Error(reason)] {
            let response = ResponseClaims::new(&login.user, &login.server, answer, 100);
            let token = response.sign(&issuer).unwrap();
            prop_assert_eq!(preflight(&token, expectations, Signatures::Verify), Ok(()));
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_passed_or_refused(text in "\\PC{0,100}") {
        let expectations = Expectations { user_nkey: "", server_id: "", issuer: "", now: NOW };
        for signatures in [Signatures::Verify, Signatures::Trust] {
            prop_assert!(preflight(&text, expectations, signatures).is_err());
        }
    }
}
