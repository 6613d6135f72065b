//! Tests of the rules for permits of accounts that signed themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{
    AccountLimit, Authorizer, Client, ClientKind, Decision, Identity, Method, Outcome,
    PermitBuilder,
};
use rstest::rstest;

use super::*;
use crate::fixtures::{self, NOW};
use crate::{AccountIssuer, Authority, AuthorityOptions, Place};

/// An authorizer that permits `account` with what `fill` sets.
struct Permits(&'static str, fn(&mut PermitBuilder));

impl Authorizer for Permits {
    async fn authorize(&self, _: Arc<AuthorizationRequest>, _: Instant) -> Decision {
        let mut permit = Permit::builder(self.0, NOW);
        (self.1)(&mut permit);
        fixtures::permit(permit.finish().unwrap())
    }
}

fn rules() -> PermitRules {
    let own = AccountIssuer {
        key: portcullis_core::PublicKey::from_bytes(portcullis_core::KeyKind::Account, [7; 32]),
        issuer: Some(()),
        roles: [].into(),
    };
    PermitRules {
        signing: Some(BTreeMap::from([("team-own".parse().unwrap(), own)])),
        requested_accounts: vec!["team-*".parse().unwrap()],
        ..fixtures::rules()
    }
}

fn request(kind: ClientKind, name: &str) -> AuthorizationRequest {
    AuthorizationRequest {
        client: Client {
            kind: Some(kind),
            name: Some(name.to_owned()),
            ..Client::default()
        },
        identity: Identity {
            principal: Some("AKEY".to_owned()),
            method: Method::Nkey,
            ..Identity::default()
        },
        ..fixtures::request()
    }
}

/// Returns the class of the denial of a request that `permits` decides.
async fn class(permits: Permits, request: AuthorizationRequest) -> Option<DenialClass> {
    let authority = Authority::new(permits, AuthorityOptions::new(rules()));
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut place: Place = authority.enter(Duration::from_mins(1)).unwrap();
    let mut request = Arc::new(request);
    let considered = authority.decide(&mut request, deadline, &mut place).await;
    match considered.decision.outcome {
        Outcome::Permit(_) => None,
        Outcome::Deny(denial) => Some(denial.class),
    }
}

fn limited(permit: &mut PermitBuilder) {
    permit.limit_account(AccountLimit::Connections, 5);
}

const fn nothing(_: &mut PermitBuilder) {}

fn with_permissions(permit: &mut PermitBuilder) {
    limited(permit);
    permit.publish_allow("a");
}

fn with_role(permit: &mut PermitBuilder) {
    limited(permit);
    permit.role("reader");
}

fn with_networks(permit: &mut PermitBuilder) {
    limited(permit);
    permit.source_allow("10.0.0.0/8");
}

fn with_user_limits(permit: &mut PermitBuilder) {
    limited(permit);
    permit.limit_payload(5);
}

#[tokio::test]
async fn an_account_that_asks_is_permitted_with_limits_tags_and_an_end() {
    let fill = |permit: &mut PermitBuilder| {
        limited(permit);
        permit.tag("plan:small");
        permit.expires_in(60);
    };
    let asks = request(ClientKind::AccountRequest, "team-a");
    assert_eq!(class(Permits("team-a", fill), asks).await, None);
}

#[rstest]
#[case::another_account("team-a", "team-b", limited, DenialClass::AccountNotAllowed)]
#[case::no_pattern("other", "other", limited, DenialClass::AccountNotAllowed)]
#[case::a_login_account("APP", "APP", limited, DenialClass::AccountNotAllowed)]
#[case::a_configured_account("team-own", "team-own", limited, DenialClass::AccountNotAllowed)]
#[case::no_limit("team-a", "team-a", nothing, DenialClass::InvalidPermit)]
#[case::permissions("team-a", "team-a", with_permissions, DenialClass::InvalidPermit)]
#[case::a_role("team-a", "team-a", with_role, DenialClass::InvalidPermit)]
#[case::networks("team-a", "team-a", with_networks, DenialClass::InvalidPermit)]
#[case::user_limits("team-a", "team-a", with_user_limits, DenialClass::InvalidPermit)]
#[tokio::test]
async fn a_permit_that_does_not_fit_the_request_is_a_named_denial(
    #[case] wanted: &str,
    #[case] permitted: &'static str,
    #[case] fill: fn(&mut PermitBuilder),
    #[case] expected: DenialClass,
) {
    let asks = request(ClientKind::AccountRequest, wanted);
    assert_eq!(class(Permits(permitted, fill), asks).await, Some(expected));
}

#[tokio::test]
async fn a_login_gets_no_account_that_may_only_ask_and_no_limits_of_one() {
    let logs_in = || request(ClientKind::Client, "team-a");
    let denied = class(Permits("team-a", |_| ()), logs_in()).await;
    assert_eq!(denied, Some(DenialClass::AccountNotAllowed));
    let denied = class(Permits("APP", limited), logs_in()).await;
    assert_eq!(denied, Some(DenialClass::InvalidPermit));
}

#[test]
fn tests_of_policies_hold_such_permits_to_the_same_rules() {
    let permit = |account: &str| {
        let mut permit = Permit::builder(account, NOW);
        limited(&mut permit);
        permit.finish().unwrap()
    };
    let policy = "teams".parse().unwrap();
    assert_eq!(rules().check(&policy, &permit("team-a"), None), Ok(()));
    let denial = rules().check(&policy, &permit("APP"), None).unwrap_err();
    assert_eq!(denial.class, DenialClass::AccountNotAllowed);
    let asks = request(ClientKind::AccountRequest, "team-a");
    assert!(rules().hold(&asks, None, permit("team-a")).is_ok());
}

#[test]
fn the_tags_lead_to_the_policy() {
    let mut permit = Permit::builder("team-a", NOW);
    permit.tag("plan:small");
    let decision = fixtures::permit(permit.finish().unwrap());
    let permit = decision.outcome.permit().unwrap();
    let tags = account_tags(permit, decision.policy.as_deref());
    assert_eq!(tags.first().map(String::as_str), Some("plan:small"));
    let without = account_tags(permit, None);
    assert_eq!(without, ["plan:small"]);
}
