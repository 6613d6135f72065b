//! Identities of logins with a user JWT.

use std::time::Duration;

use portcullis_core::{Allowed, ClientKind, Credentials, Secret};

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
        accounts: TrustedAccounts::new(options, Allowed::Any).unwrap(),
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
    assert_eq!(identity.nkey.as_ref(), Some(world.user.as_public()));
}

#[tokio::test]
async fn a_bearer_token_proves_no_key() {
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
async fn the_exchange_rejects_the_jwt_of_a_stranger() {
    let world = World::new();
    let jwt = world.user_claims().sign(&world.stranger).unwrap();
    let mut request = world.login(jwt);
    request.client.kind = Some(ClientKind::Exchange);
    for identifier in [identifier(&world), Identifier::default()] {
        let deadline = Instant::now() + Duration::from_mins(1);
        let denial = identifier.identify(&request, deadline).await.unwrap_err();
        assert_eq!(denial.class, DenialClass::IdentityRejected);
        assert!(denial.reason.contains("[identity.accounts]"), "{denial}");
    }
}

#[tokio::test]
async fn with_a_password_or_a_token_the_jwt_is_a_sentinel() {
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
    // An MQTT client presents its JWT as its password too.
    request.credentials.token = None;
    request.credentials.password = Some(Secret::new(jwt));
    assert!(identify(&world, &request).await.is_err());
}

/// Returns user, bare token, key and subject of a login, as it claims them.
fn claimed(identifier: &Identifier, credentials: Credentials) -> [Option<String>; 4] {
    let mut request = World::new().login(String::new());
    request.credentials = credentials;
    let claimant = identifier.claimant(&request);
    let Claimant {
        user,
        token,
        key,
        subject,
        ..
    } = claimant;
    [user, token, key, subject].map(|name| name.map(Cow::into_owned))
}

#[test]
fn the_names_of_a_login_need_no_proof() {
    let world = World::new();
    let jwt = world.user_claims().sign(&world.stranger).unwrap();
    let subject = Some(world.user.public_key().to_owned());
    let claimed = |credentials| claimed(&Identifier::default(), credentials);
    let with_jwt = |jwt: &str| Credentials {
        jwt: Some(Secret::new(jwt)),
        ..Default::default()
    };
    assert_eq!(claimed(with_jwt(&jwt)), [None, None, subject.clone(), None]);
    let (unsigned, _) = jwt.rsplit_once('.').unwrap();
    assert_eq!(
        claimed(with_jwt(unsigned)),
        [None, None, subject, None],
        "not even a signature"
    );
    assert_eq!(claimed(with_jwt("eyJ")), [const { None }; 4]);
    assert_eq!(claimed(Credentials::default()), [const { None }; 4]);
}

#[test]
fn every_further_name_is_reported() {
    let claimed = |credentials| claimed(&Identifier::default(), credentials);
    let text = |text: &str| Some(text.to_owned());
    let everything = Credentials {
        username: text("alice"),
        password: Some(Secret::new("hunter2")),
        nkey: text("UABC").map(Into::into),
        token: Some(Secret::new("opaque")),
        ..Default::default()
    };
    let all = [text("alice"), text("opaque"), text("UABC"), None];
    assert_eq!(claimed(everything.clone()), all);
    let world = World::new();
    let sentinel = world.user_claims().sign(&world.stranger).unwrap();
    let beside_sentinel = Credentials {
        jwt: Some(Secret::new(sentinel)),
        nkey: None,
        ..everything
    };
    let [user, token, key, _] = claimed(beside_sentinel);
    assert_eq!((user, token), (text("alice"), text("opaque")));
    assert_eq!(key, None, "every client has the sentinel");
    let claimant = Claimant {
        token: Some("opaque".into()),
        ..Claimant::default()
    };
    assert!(!format!("{claimant:?}").contains("opaque"));
}

/// Returns a connection with a certificate that names `CN=press`.
fn tls(verified: bool) -> portcullis_core::ClientTls {
    let mut params = rcgen::CertificateParams::default();
    let mut name = rcgen::DistinguishedName::new();
    name.push(rcgen::DnType::CommonName, "press");
    params.distinguished_name = name;
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    portcullis_core::ClientTls {
        verified,
        chains: vec![vec![certificate.pem()]],
        ..Default::default()
    }
}

#[test]
fn a_certificate_names_a_login_that_presents_nothing_else() {
    let mut request = World::new().login(String::new());
    request.credentials = Credentials::default();
    request.client.tls = Some(tls(true));
    let identifier = Identifier::default();
    let name = identifier.claimant(&request).certificate;
    assert_eq!(name.as_deref(), Some("CN=press"));
    request.client.tls = Some(tls(false));
    assert_eq!(identifier.claimant(&request).certificate, None);
    request.client.tls = Some(tls(true));
    request.credentials.username = Some("alice".to_owned());
    assert_eq!(identifier.claimant(&request).certificate, None);
}

#[test]
fn a_bearer_token_has_no_owner_until_it_is_verified() {
    let identifier = Identifier::new(IdentifierOptions {
        tokens: Some(Arc::new(TokenVerifier::new(Vec::new()).unwrap())),
        ..IdentifierOptions::default()
    });
    // `{"alg":"RS256"}`, `{}` and `{"sub":"a"}`
    let signed = "eyJhbGciOiJSUzI1NiJ9.e30.AAAA";
    for (password, user, subject) in [
        ("Bearer opaque", None, Some("opaque")),
        (signed, None, Some(signed)),
        (
            "bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.AAAA",
            None,
            Some("a"),
        ),
        ("hunter2", Some("mqtt"), None),
    ] {
        let credentials = Credentials {
            username: Some("mqtt".to_owned()),
            password: Some(Secret::new(password)),
            ..Default::default()
        };
        let expected =
            [user, None, None, subject].map(|name: Option<&str>| name.map(str::to_owned));
        assert_eq!(claimed(&identifier, credentials), expected, "{password}");
    }
}
