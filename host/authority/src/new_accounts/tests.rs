//! Permits for accounts that do not exist yet.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_core::{Authorizer, Client, ClientKind, Decision, Outcome};
use rstest::rstest;

use super::*;
use crate::fixtures::{self, NOW};
use crate::{Authority, AuthorityOptions};

/// A maker that records what it is asked for, and makes no account whose name ends with `full`.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<(String, Option<String>)>>);

impl AccountMaker for Recorder {
    fn provide<'a>(
        &'a self,
        account: &'a AccountName,
        server: Option<&'a Server>,
        _: Instant,
    ) -> BoxFuture<'a, Result<(), Denial>> {
        let server = server.map(|server| server.id.to_string());
        self.0.lock().push((account.to_string(), server));
        let made = match account.as_str() {
            "tenant-full" => Err(Denial::new(DenialClass::AccountUnavailable, "full")),
            "tenant-late" => return std::future::pending().boxed(),
            "tenant-broken" => return async { panic!("broken") }.boxed(),
            _ => Ok(()),
        };
        async { made }.boxed()
    }
}

/// An authorizer that permits logins to this account, with this role.
struct To(&'static str, Option<&'static str>);

impl Authorizer for To {
    async fn authorize(&self, _: Arc<AuthorizationRequest>, _: Instant) -> Decision {
        let mut permit = Permit::builder(self.0, NOW);
        if let Some(role) = self.1 {
            permit.role(role);
        }
        fixtures::permit(permit.finish().unwrap())
    }
}

fn rules() -> PermitRules {
    PermitRules {
        signing: Some(BTreeMap::new()),
        new_accounts: vec!["tenant-*".parse().unwrap()],
        ..fixtures::rules()
    }
}

/// Decides a login, and returns the class of its denial and what the maker was asked for.
async fn decide(
    authorizer: To,
    client: Client,
    time: Duration,
) -> (Option<DenialClass>, Vec<(String, Option<String>)>) {
    let recorder = Arc::new(Recorder::default());
    let authority = Authority::new(
        authorizer,
        AuthorityOptions {
            accounts: Some(Arc::clone(&recorder) as Arc<dyn AccountMaker>),
            ..AuthorityOptions::new(rules())
        },
    );
    let request = AuthorizationRequest {
        client,
        ..fixtures::request()
    };
    let server = request.server.id.to_string();
    let decided = authority.decide_identified(Arc::new(request), Instant::now() + time);
    let class = match decided.await.outcome {
        Outcome::Permit(_) => None,
        Outcome::Deny(denial) => Some(denial.class),
    };
    let mut asked = std::mem::take(&mut *recorder.0.lock());
    for (_, asking) in &mut asked {
        if asking.as_ref() == Some(&server) {
            *asking = Some("the server".to_owned());
        }
    }
    (class, asked)
}

const LONG: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_new_account_is_made_for_the_server_that_asks() {
    let (denied, asked) = decide(To("tenant-a", None), Client::default(), LONG).await;
    assert_eq!(denied, None);
    let server = Some("the server".to_owned());
    assert_eq!(asked, [("tenant-a".to_owned(), server)]);
    let exchange = Client {
        kind: Some(ClientKind::Exchange),
        ..Client::default()
    };
    let (denied, asked) = decide(To("tenant-a", None), exchange, LONG).await;
    assert_eq!(denied, None);
    assert_eq!(asked, [("tenant-a".to_owned(), None)]);
}

#[rstest]
#[case("other", None, DenialClass::AccountNotAllowed, 0)]
#[case("tenant-a", Some("reader"), DenialClass::RoleNotAllowed, 0)]
#[case("tenant-full", None, DenialClass::AccountUnavailable, 1)]
#[case("tenant-broken", None, DenialClass::Internal, 1)]
#[tokio::test]
async fn a_login_without_its_account_is_a_named_deny(
    #[case] account: &'static str,
    #[case] role: Option<&'static str>,
    #[case] class: DenialClass,
    #[case] asked: usize,
) {
    let (denied, made) = decide(To(account, role), Client::default(), LONG).await;
    assert_eq!((denied, made.len()), (Some(class), asked));
}

#[tokio::test]
async fn a_maker_that_is_late_is_a_named_deny() {
    let time = Duration::from_millis(50);
    let (denied, asked) = decide(To("tenant-late", None), Client::default(), time).await;
    assert_eq!(denied, Some(DenialClass::AccountUnavailable));
    assert_eq!(asked.len(), 1);
}

#[tokio::test]
async fn no_account_is_made_without_a_maker() {
    let authority = Authority::new(To("APP", None), AuthorityOptions::new(rules()));
    let request = Arc::new(fixtures::request());
    let decided = authority.decide_identified(request, Instant::now() + LONG);
    assert!(decided.await.outcome.permit().is_some());
}
