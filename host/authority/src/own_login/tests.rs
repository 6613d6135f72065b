use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use portcullis_claims::IssuerKey;
use portcullis_core::{Permit, Strength};

use super::*;
use crate::{AuthorityOptions, fixtures};

/// Answers own logins in this way, and counts the logins of clients.
struct Answers {
    own: fn(&AuthorizationRequest) -> Option<Decision>,
    clients: AtomicUsize,
}

impl Authorizer for Answers {
    async fn authorize(&self, _: Arc<AuthorizationRequest>, _: Instant) -> Decision {
        self.clients.fetch_add(1, Ordering::Relaxed);
        Decision::deny(DenialClass::PolicyDenied, "a client")
    }

    async fn dry_run(&self, request: Arc<AuthorizationRequest>, _: Instant) -> Option<Decision> {
        (self.own)(&request)
    }
}

fn authority(
    own: fn(&AuthorizationRequest) -> Option<Decision>,
    max_in_flight: usize,
) -> Authority<Answers> {
    let clients = AtomicUsize::default();
    let options = AuthorityOptions {
        max_in_flight,
        ..AuthorityOptions::new(fixtures::rules())
    };
    Authority::new(Answers { own, clients }, options)
}

async fn made(own: fn(&AuthorizationRequest) -> Option<Decision>) -> OwnLogins {
    let authority = authority(own, 1);
    let before = authority.samples();
    let seed = IssuerKey::generate_seed().unwrap();
    let issuers = Issuers::Config(IssuerKey::from_seed(seed.expose()).unwrap());
    let made = authority.make_own_logins(&issuers, Duration::from_mins(1));
    let made = made.await;
    assert_eq!(authority.samples(), before);
    assert_eq!(authority.authorizer().clients.load(Ordering::Relaxed), 0);
    made
}

fn permit(account: &str) -> Decision {
    let permit = Permit::builder(account, fixtures::NOW).finish().unwrap();
    fixtures::permit(permit)
}

#[tokio::test]
async fn a_verdict_about_every_own_login_is_enough() {
    let answers: [fn(&AuthorizationRequest) -> Option<Decision>; 5] = [
        |_| Some(permit("APP")),
        // The host's own rules refuse it, which is a decision too.
        |_| Some(permit("SYS")),
        |_| Some(Decision::deny(DenialClass::PolicyDenied, "unknown")),
        |_| Some(Decision::deny(DenialClass::NoPolicy, "for other logins")),
        |_| None,
    ];
    for own in answers {
        assert_eq!(made(own).await, OwnLogins::Decided);
    }
}

#[tokio::test]
async fn a_login_without_a_verdict_fails_with_its_policy_and_its_reason() {
    let failed = made(|request| {
        if request.identity.method == Method::Token {
            let denial = Denial::new(DenialClass::PolicyTrapped, "a panic\nat line 3");
            let permitted = fixtures::permit(Permit::builder("APP", 0).finish().unwrap());
            return Some(Decision {
                outcome: Outcome::Deny(denial),
                ..permitted
            });
        }
        Some(permit("APP"))
    });
    let OwnLogins::Failed(failed) = failed.await else {
        panic!("it was decided")
    };
    assert!(!failed.is_late());
    assert_eq!(
        failed.to_string(),
        "a login of method `token` that the host made up was not decided: policy `staff`: \
         policy-trapped: a panic at line 3"
    );
}

#[tokio::test]
async fn an_authorizer_that_panics_fails() {
    let OwnLogins::Failed(failed) = made(|_| panic!("broken")).await else {
        panic!("it was decided")
    };
    assert_eq!(failed.denial.class, DenialClass::Internal);
}

#[tokio::test]
async fn an_own_login_waits_for_a_slot_and_is_postponed_without_one() {
    let authority = authority(|_| Some(permit("APP")), 1);
    let seed = IssuerKey::generate_seed().unwrap();
    let issuers = Issuers::Config(IssuerKey::from_seed(seed.expose()).unwrap());
    let far = Instant::now() + Duration::from_mins(1);
    let slot = authority.admission.slot(far).await.unwrap();
    let made = authority.make_own_logins(&issuers, Duration::ZERO).await;
    assert_eq!(made, OwnLogins::Postponed);
    drop(slot);
    let made = authority
        .make_own_logins(&issuers, Duration::from_mins(1))
        .await;
    assert_eq!(made, OwnLogins::Decided);
}

#[test]
fn own_logins_prove_nothing_and_each_has_a_nkey_of_its_own() {
    let logins = METHODS.map(|method| own_login(method, fixtures::NOW).unwrap());
    for (login, method) in logins.iter().zip(METHODS) {
        assert_eq!(login.identity.method, method);
        assert_eq!(login.identity.strength, Strength::Claimed);
        assert_eq!(login.client.name.as_deref(), Some(OWN_LOGIN));
    }
    assert_ne!(logins[0].user_nkey, logins[1].user_nkey);
}

#[tokio::test]
async fn no_client_imitates_an_own_login() {
    let authority = authority(|_| None, 1);
    let own = || Some(OWN_LOGIN.to_owned());
    let edits: [fn(&mut AuthorizationRequest, Option<String>); 3] = [
        |request, own| request.client.name = own,
        |request, own| request.credentials.username = own,
        |request, own| request.credentials.token = own.map(Secret::new),
    ];
    for edit in edits {
        let mut request = fixtures::request();
        edit(&mut request, own());
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut place = authority.enter(Duration::from_mins(1)).unwrap();
        let considered = authority
            .decide(&mut Arc::new(request), deadline, &mut place)
            .await;
        let Outcome::Deny(denial) = considered.decision.outcome else {
            panic!("a permit")
        };
        assert_eq!(denial.class, DenialClass::IdentityRejected);
    }
    assert_eq!(authority.authorizer().clients.load(Ordering::Relaxed), 0);
}
