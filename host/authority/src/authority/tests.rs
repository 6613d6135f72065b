//! Logins from the request to the user JWT, without any front door.

use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_claims::{GenericClaims, IssuerKey};
use portcullis_core::{Denial, DenialClass, Identity, Outcome, Permit, Secret};

use super::*;
use crate::fixtures;
use crate::issuers::Issuers;

/// Permits logins with the right password, and counts its calls.
#[derive(Default)]
struct Guarded(AtomicUsize);

impl Authorizer for Guarded {
    async fn authorize(&self, request: Arc<AuthorizationRequest>, _: Instant) -> Decision {
        self.0.fetch_add(1, Ordering::Relaxed);
        let password = request.credentials.password.as_ref();
        if password.is_some_and(|password| password.expose() == "right") {
            let permit = Permit::builder("APP", fixtures::NOW).finish().unwrap();
            return fixtures::permit(permit);
        }
        Decision::deny(DenialClass::PolicyDenied, "wrong password")
    }
}

fn login(host: &str, password: &str) -> Arc<AuthorizationRequest> {
    let mut request = fixtures::request();
    request.client.host = Some(host.to_owned());
    request.credentials.password = Some(Secret::new(password));
    request.identity = Identity::claimed(&request.credentials);
    Arc::new(request)
}

#[tokio::test]
async fn after_too_many_failures_only_known_logins_are_decided() {
    let authority = Authority::new(Guarded::default(), AuthorityOptions::new(fixtures::rules()));
    let class = async |host: &str, password: &str| {
        let deadline = Instant::now() + Duration::from_mins(1);
        let decision = authority
            .decide(&mut login(host, password), deadline, &mut Place::default())
            .await
            .decision;
        match decision.outcome {
            Outcome::Permit(_) => None,
            Outcome::Deny(Denial { class, .. }) => Some(class),
        }
    };
    assert_eq!(class("10.0.0.1", "right").await, None);
    for _ in 0..30 {
        let denied = class("192.0.2.1", "wrong").await;
        assert_eq!(denied, Some(DenialClass::PolicyDenied));
    }
    let asked = authority.authorizer.0.load(Ordering::Relaxed);
    assert_eq!(asked, 31);
    let throttled = Some(DenialClass::Throttled);
    assert_eq!(class("192.0.2.1", "right").await, throttled);
    assert_eq!(class("192.0.2.2", "right").await, throttled);
    assert_eq!(authority.authorizer.0.load(Ordering::Relaxed), asked);
    assert_eq!(class("10.0.0.1", "right").await, None, "known");
}

#[tokio::test]
async fn a_login_is_decided_and_gets_a_user_jwt_without_nats() {
    let seed = IssuerKey::generate_seed().unwrap();
    let issuers = Issuers::Config(IssuerKey::from_seed(seed.expose()).unwrap());
    let authority = Authority::new(Guarded::default(), AuthorityOptions::new(fixtures::rules()));
    let mut request = login("10.0.0.1", "right");
    let deadline = Instant::now() + Duration::from_mins(1);
    let decision = authority
        .decide(&mut request, deadline, &mut Place::default())
        .await
        .decision;
    let Outcome::Permit(permit) = &decision.outcome else {
        panic!("{decision:?}");
    };
    let jwt = issuers.user_jwt(&request, permit, decision.policy.as_deref(), fixtures::NOW);
    let user = GenericClaims::decode(&jwt.unwrap()).unwrap();
    assert_eq!(user.subject.as_deref(), Some(request.user_nkey.as_str()));
}
