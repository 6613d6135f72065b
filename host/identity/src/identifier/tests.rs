//! What becomes of a login with a user JWT.

use std::time::Duration;

use portcullis_core::{Credentials, Secret};

use super::*;
use crate::user_jwt::testing::{NOW, World};
use crate::{AccountOptions, AccountSource};

fn identifier(world: &World) -> Identifier {
    let source = AccountSource::Keys {
        key: world.account.as_public().clone(),
        signing_keys: Vec::new(),
    };
    let name = "APP".to_owned();
    let options = vec![AccountOptions { name, source }];
    Identifier::new(IdentifierOptions {
        accounts: TrustedAccounts::new(options, Vec::new()).unwrap(),
        ..IdentifierOptions::default()
    })
}

async fn identify(world: &World, request: &AuthorizationRequest) -> Result<Identity, Denial> {
    let deadline = Instant::now() + Duration::from_mins(1);
    identifier(world).identify(request, deadline).await
}

fn login(world: &World) -> AuthorizationRequest {
    world.login(world.user_claims().sign(&world.account).unwrap())
}

#[tokio::test]
async fn a_trusted_issuer_vouches_for_the_user() {
    let world = World::new();
    let identity = identify(&world, &login(&world)).await.unwrap();
    let user = world.user.public_key();
    assert_eq!(identity.method, Method::Jwt);
    assert_eq!(identity.principal.as_deref(), Some(user));
    assert_eq!(identity.strength, Strength::Proved);
    assert_eq!(identity.issuer.as_deref(), Some(world.account.public_key()));
    assert_eq!(identity.expires_at, Some(NOW + 1000));
    assert_eq!(identity.claims.texts("sub"), [user]);
    assert_eq!(identity.tags, ["team:a"]);
    assert_eq!(identity.nkey.as_deref(), Some(user));
}

#[tokio::test]
async fn of_a_bearer_token_nobody_has_shown_to_hold_the_key() {
    let world = World::new();
    let mut claims = world.user_claims();
    claims.nats.bearer_token = true;
    let mut request = world.login(claims.sign(&world.account).unwrap());
    request.credentials.signature = None;
    let identity = identify(&world, &request).await.unwrap();
    assert_eq!(identity.strength, Strength::Proved);
    assert_eq!(identity.principal.as_deref(), Some(world.user.public_key()));
    assert_eq!(identity.nkey, None);
}

#[tokio::test]
async fn a_refusal_has_a_class_and_a_reason() {
    let world = World::new();
    let mut request = login(&world);
    request.credentials.signature = None;
    let denial = identify(&world, &request).await.unwrap_err();
    assert_eq!(denial.class, DenialClass::IdentityRejected);
    assert!(denial.reason.contains("no bearer token"), "{denial}");
}

#[tokio::test]
async fn the_jwt_of_a_stranger_proves_its_subject_only() {
    let world = World::new();
    let jwt = world.user_claims().sign(&world.stranger).unwrap();
    let mut request = world.login(jwt);
    let identity = identify(&world, &request).await.unwrap();
    assert_eq!(identity.principal.as_deref(), Some(world.user.public_key()));
    assert_eq!(identity.strength, Strength::Proved);
    assert_eq!((identity.issuer, identity.expires_at), (None, None));
    assert!(identity.claims.is_empty() && identity.tags.is_empty());
    request.credentials.signature = None;
    let identity = identify(&world, &request).await.unwrap();
    assert_eq!(identity.strength, Strength::Claimed);
}

#[tokio::test]
async fn beside_a_password_or_a_token_the_jwt_is_a_sentinel() {
    let world = World::new();
    let mut claims = world.user_claims();
    claims.expires_at = Some(NOW - 1);
    let jwt = claims.sign(&world.account).unwrap();
    let mut request = world.login(jwt.clone());
    assert!(identify(&world, &request).await.is_err(), "by itself");
    request.credentials.password = Some(Secret::new("hunter2"));
    let identity = identify(&world, &request).await.unwrap();
    assert_eq!((identity.method, identity.issuer), (Method::Password, None));
    request.credentials.password = None;
    request.credentials.token = Some(Secret::new("opaque"));
    let identity = identify(&world, &request).await.unwrap();
    assert_eq!((identity.method, identity.issuer), (Method::Token, None));
    // An MQTT client's JWT comes as its password too.
    request.credentials.token = None;
    request.credentials.password = Some(Secret::new(jwt));
    assert!(identify(&world, &request).await.is_err());
}

#[test]
fn who_a_login_says_it_is_needs_no_proof() {
    let world = World::new();
    let jwt = world.user_claims().sign(&world.stranger).unwrap();
    let mut request = world.login(jwt.clone());
    let claimed = |request: &AuthorizationRequest, identifier: &Identifier| match identifier
        .claimant(request)
    {
        Claimant::User(user) => Some(user.into_owned()),
        _ => None,
    };
    let plain = Identifier::default();
    let subject = Some(world.user.public_key().to_owned());
    assert_eq!(claimed(&request, &plain), subject);
    let (unsigned, _) = jwt.rsplit_once('.').unwrap();
    request.credentials.jwt = Some(Secret::new(unsigned));
    assert_eq!(claimed(&request, &plain), subject, "not even a signature");
    request.credentials.jwt = Some(Secret::new("eyJ"));
    assert_eq!(claimed(&request, &plain), None);

    let credentials = &mut request.credentials;
    *credentials = Credentials {
        username: Some("alice".to_owned()),
        password: Some(Secret::new("hunter2")),
        jwt: Some(Secret::new(jwt)),
        ..Default::default()
    };
    assert_eq!(claimed(&request, &plain).as_deref(), Some("alice"));
    request.credentials.token = Some(Secret::new("opaque"));
    let token = Claimant::Token("opaque".into());
    assert_eq!(plain.claimant(&request), token, "a bare token");
    assert_eq!(format!("{token:?}"), "Token([redacted])");

    request.credentials = Credentials {
        nkey: Some("UABC".to_owned()),
        ..Default::default()
    };
    assert_eq!(claimed(&request, &plain).as_deref(), Some("UABC"));
}

#[test]
fn a_bearer_token_is_nobodys_until_it_is_verified() {
    let identifier = Identifier::new(IdentifierOptions {
        tokens: Some(Arc::new(TokenVerifier::new(Vec::new()).unwrap())),
        ..IdentifierOptions::default()
    });
    // `{"alg":"RS256"}`, `{}` and `{"sub":"a"}`
    for (password, claimant) in [
        ("Bearer opaque", Claimant::Token("opaque".into())),
        (
            "eyJhbGciOiJSUzI1NiJ9.e30.AAAA",
            Claimant::Token("eyJhbGciOiJSUzI1NiJ9.e30.AAAA".into()),
        ),
        (
            "bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.AAAA",
            Claimant::Token("a".into()),
        ),
        ("hunter2", Claimant::User("mqtt".into())),
    ] {
        let mut request = World::new().login(String::new());
        request.credentials = Credentials {
            username: Some("mqtt".to_owned()),
            password: Some(Secret::new(password)),
            ..Default::default()
        };
        assert_eq!(identifier.claimant(&request), claimant, "{password}");
    }
}
