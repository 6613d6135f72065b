//! Tests of the check of permits.

use std::collections::BTreeMap;

use portcullis_core::{
    Ceiling, DenialClass, OnExcess, PermissionSubject, PermitBuilder, SubjectPermission,
};
use rstest::rstest;

use super::*;
use crate::AccountIssuer;
use crate::fixtures::{self, NOW};

fn permit(account: &str, fill: fn(&mut PermitBuilder)) -> Permit {
    let mut builder = Permit::builder(account, NOW);
    fill(&mut builder);
    builder.finish().unwrap()
}

fn publishing(subject: &str) -> SubjectPermission {
    SubjectPermission {
        allow: vec![PermissionSubject::publish(subject).unwrap()],
        deny: Vec::new(),
    }
}

/// Returns rules for `APP`, whose logins may publish on `orders.>`.
fn rules(on_excess: OnExcess) -> PermitRules {
    let mut rules = fixtures::rules();
    let ceiling = Ceiling {
        publish: publishing("orders.>"),
        on_excess,
        ..Ceiling::default()
    };
    rules.ceilings.accounts = BTreeMap::from([("APP".parse().unwrap(), ceiling)]);
    rules
}

fn check(rules: &PermitRules, permit: &Permit, version: Option<&str>) -> Result<(), Denial> {
    rules.check(&"staff".parse().unwrap(), permit, version)
}

#[test]
fn what_no_login_gets_fails_in_the_words_of_the_login() {
    let above = permit("APP", |builder| builder.publish_allow("stock.eu"));
    let denial = check(&rules(OnExcess::Refuse), &above, None).unwrap_err();
    assert_eq!(
        denial.to_string(),
        "ceiling-exceeded: the permit exceeds the ceiling of account `APP`: the permit's publish-allow `stock.eu` is \
         covered by no subject of the ceiling's publish-allow"
    );
    assert_eq!(check(&rules(OnExcess::Clip), &above, None), Ok(()));
    let below = permit("APP", |builder| builder.publish_allow("orders.eu"));
    assert_eq!(check(&rules(OnExcess::Refuse), &below, None), Ok(()));
    let elsewhere = permit("OPS", |_| ());
    let denial = check(&rules(OnExcess::Clip), &elsewhere, None).unwrap_err();
    assert_eq!(
        denial.to_string(),
        "account-not-allowed: the permit places the login in account `OPS`, which is not in `target-accounts`: add it there or correct the policy"
    );
}

#[test]
fn a_ceiling_of_a_policy_applies_to_that_policy() {
    let mut rules = fixtures::rules();
    let ceiling = Ceiling {
        publish: publishing("orders.>"),
        on_excess: OnExcess::Refuse,
        ..Ceiling::default()
    };
    rules.ceilings.policies = BTreeMap::from([("staff".parse().unwrap(), ceiling)]);
    let above = permit("APP", |builder| builder.publish_allow("stock.eu"));
    assert!(check(&rules, &above, None).is_err());
    let other = "guests".parse().unwrap();
    assert_eq!(rules.check(&other, &above, None), Ok(()));
    let role = permit("APP", |builder| builder.role("reader"));
    let denial = check(&rules, &role, None).unwrap_err();
    assert_eq!(denial.class, DenialClass::CeilingExceeded);
}

#[test]
#[expect(
    clippy::zero_sized_map_values,
    reason = "the map that has keys elsewhere"
)]
fn what_no_key_signs_fails() {
    let mut rules = fixtures::rules();
    let reader = permit("APP", |builder| builder.role("reader"));
    let denial = check(&rules, &reader, None).unwrap_err();
    assert_eq!(denial.class, DenialClass::RoleNotAllowed);
    assert!(
        denial.reason.contains("exists in operator mode only"),
        "{denial}"
    );
    let key = format!("A{}", "A".repeat(55));
    let account = AccountIssuer {
        key: nats_token::KeyPair::new_account()
            .public_key()
            .parse()
            .unwrap(),
        issuer: None,
        roles: BTreeMap::from([("reader".to_owned(), ())]),
    };
    let by_key = account.key.as_str().to_owned();
    rules.signing = Some(BTreeMap::from([("APP".parse().unwrap(), account)]));
    assert_eq!(check(&rules, &reader, None), Ok(()));
    let reader_of = |account: &str| permit(account, |builder| builder.role("reader"));
    let named_by_key = reader_of(&by_key);
    assert_eq!(check(&rules, &named_by_key, None), Ok(()));
    let unknown = reader_of(&key);
    assert!(check(&rules, &unknown, None).is_err());
    let plain = permit("APP", |_| ());
    let denial = check(&rules, &plain, None).unwrap_err();
    assert!(denial.reason.contains("it has `reader`"), "{denial}");
}

#[rstest]
#[case::not_said(None, true)]
#[case::enforced("2.15.3", true)]
#[case::ignored("2.12.0", false)]
#[case::unknown("nightly", false)]
fn limits_fail_where_the_server_of_the_test_ignores_them(
    #[case] version: impl Into<Option<&'static str>>,
    #[case] passes: bool,
) {
    let limited = permit("APP", |builder| builder.limit_subscriptions(10));
    let found = check(&fixtures::rules(), &limited, version.into());
    assert_eq!(found.is_ok(), passes, "{found:?}");
}

#[test]
fn a_release_that_the_test_does_not_name_is_taken_for_the_strictest() {
    let wide = permit("APP", |builder| builder.subscribe_allow("*.*"));
    let mut rules = fixtures::rules();
    let ceiling = Ceiling {
        subscribe: publishing("*.*"),
        on_excess: OnExcess::Refuse,
        ..Ceiling::default()
    };
    rules.ceilings.accounts = BTreeMap::from([("APP".parse().unwrap(), ceiling)]);
    assert_eq!(check(&rules, &wide, None), Ok(()));
    assert_eq!(check(&rules, &wide, Some("2.15.3")), Ok(()));
    assert!(check(&rules, &wide, Some("2.10.26")).is_err());
}
