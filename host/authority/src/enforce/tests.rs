//! Tests of the host's own rules.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{
    OnExcess, PermissionSubject, Permissions, PermitBuilder, RecordedAccess, SubjectPermission,
};

use super::*;
use crate::fixtures::{NOW, operator_rules, request, rules};

fn enforce(
    mut permit: Permit,
    request: &AuthorizationRequest,
    policy: Option<&PolicyRef>,
    rules: &PermitRules,
) -> Result<Permit, Denial> {
    let mut work = WorkBudget::default();
    super::enforce(&mut permit, request, policy, rules, &mut work)?;
    Ok(permit)
}

fn permit(fill: impl FnOnce(&mut PermitBuilder)) -> Permit {
    let mut builder = Permit::builder("APP", NOW);
    fill(&mut builder);
    builder.finish().unwrap()
}

fn policy() -> PolicyRef {
    Arc::unwrap_or_clone(crate::fixtures::permit(permit(|_| ())).policy.unwrap())
}

fn class_of(permit: Permit, request: &AuthorizationRequest, rules: &PermitRules) -> DenialClass {
    enforce(permit, request, Some(&policy()), rules)
        .unwrap_err()
        .class
}

fn ceiling(publish: &str, on_excess: OnExcess) -> Ceiling {
    let only = |subject: &str| SubjectPermission {
        allow: vec![PermissionSubject::publish(subject).unwrap()],
        deny: Vec::new(),
    };
    Ceiling {
        publish: only(publish),
        subscribe: only(">"),
        responses: None,
        on_excess,
    }
}

#[test]
fn an_account_that_is_named_by_its_key_is_known_by_its_name() {
    let (key, rules) = operator_rules();
    for (account, recorded) in [(key.as_str(), Some("APP")), ("APP", None)] {
        let permit = Permit::builder(account, NOW).finish().unwrap();
        let permit = enforce(permit, &request(), None, &rules).unwrap();
        assert_eq!(permit.account().as_str(), account);
        assert_eq!(permit.account_name().as_str(), "APP");
        let access = RecordedAccess::from(&permit);
        assert_eq!(access.account_name.as_deref(), recorded);
        assert_eq!(access.account_name(), "APP");
        assert!(access.is_account("APP") && access.is_account(account));
        assert!(!access.is_account("OTHER"));
    }
}

#[test]
fn accounts_that_are_not_listed_are_refused() {
    let rules = rules();
    for account in ["AUTH", "SYS", "$SYS", "app"] {
        let permit = Permit::builder(account, NOW).finish().unwrap();
        let denial = enforce(permit, &request(), None, &rules).unwrap_err();
        assert_eq!(denial.class, DenialClass::AccountNotAllowed);
        assert!(denial.reason.contains(account), "{denial}");
    }
}

#[test]
fn the_source_network_is_the_hosts_to_check() {
    let rules = rules();
    let from = |host: Option<&str>| {
        let mut request = request();
        request.client.host = host.map(ToOwned::to_owned);
        request
    };
    let local = || {
        permit(|builder| {
            builder.source_allow("10.0.0.0/8");
            builder.source_allow("fe80::/10");
        })
    };
    for host in ["10.1.2.3", "::ffff:10.1.2.3", "fe80::1%eth0"] {
        let done = enforce(local(), &from(Some(host)), None, &rules);
        assert!(done.is_ok(), "{host}: {done:?}");
    }
    for host in [
        Some("192.168.0.1"),
        Some("2001:db8::1"),
        Some("localhost"),
        None,
    ] {
        assert_eq!(
            class_of(local(), &from(host), &rules),
            DenialClass::SourceNotAllowed,
            "{host:?}"
        );
    }
    assert!(enforce(permit(|_| ()), &from(None), None, &rules).is_ok());
}

#[test]
fn the_connection_type_is_the_hosts_to_check() {
    let rules = rules();
    let over = |kind: &str, transport: &str| {
        let mut request = request();
        request.client.kind = Some(kind.to_owned().into());
        request.client.transport = Some(transport.to_owned())
            .filter(|text| !text.is_empty())
            .map(Into::into);
        request
    };
    let web = || permit(|builder| builder.connection_type_allow("WEBSOCKET"));
    assert!(enforce(web(), &over("Client", "websocket"), None, &rules).is_ok());
    for request in [
        over("Client", "nats"),
        over("Client", "mqtt"),
        over("Leafnode", ""),
    ] {
        assert_eq!(
            class_of(web(), &request, &rules),
            DenialClass::ConnectionTypeNotAllowed
        );
    }
    let unknown = class_of(web(), &over("Teapot", "nats"), &rules);
    assert_eq!(unknown, DenialClass::ConnectionTypeNotAllowed);
}

#[test]
fn both_ceilings_apply_and_excess_is_clipped_or_refused() {
    let mut rules = rules();
    let orders = ceiling("orders.>", OnExcess::Clip);
    rules.ceilings.accounts = BTreeMap::from([("APP".parse().unwrap(), orders)]);
    let all = || permit(|builder| builder.publish_allow(">"));
    let allowed = |permissions: &Permissions| {
        let allow = permissions.publish.allow.iter();
        allow.map(ToString::to_string).collect::<Vec<_>>()
    };
    let clipped = enforce(all(), &request(), Some(&policy()), &rules).unwrap();
    assert_eq!(allowed(clipped.permissions()), ["orders.>"]);

    let eu = ceiling("*.eu", OnExcess::Clip);
    rules.ceilings.policies = BTreeMap::from([(policy().name, eu)]);
    let clipped = enforce(all(), &request(), Some(&policy()), &rules).unwrap();
    assert_eq!(allowed(clipped.permissions()), ["orders.eu"]);
    let other = enforce(all(), &request(), None, &rules).unwrap();
    assert_eq!(allowed(other.permissions()), ["orders.>"]);

    let strict = ceiling("orders.>", OnExcess::Refuse);
    rules.ceilings.accounts = BTreeMap::from([("APP".parse().unwrap(), strict)]);
    let denial = enforce(all(), &request(), None, &rules).unwrap_err();
    assert_eq!(denial.class, DenialClass::CeilingExceeded);
    assert!(denial.reason.contains("account `APP`"), "{denial}");
}

#[test]
fn the_soonest_end_wins() {
    let mut rules = rules();
    let mut request = request();
    let ends = |asked: Option<u64>, request: &AuthorizationRequest, rules: &PermitRules| {
        let permit = permit(|builder| {
            if let Some(seconds) = asked {
                builder.expires_in(seconds);
            }
        });
        enforce(permit, request, None, rules).unwrap().expires_at()
    };
    assert_eq!(ends(None, &request, &rules), None);
    rules.expiry.max = Some(Duration::from_mins(1));
    for (asked, expected) in [(None, 60), (Some(3600), 60), (Some(30), 30)] {
        assert_eq!(
            ends(asked, &request, &rules),
            Some(NOW + expected),
            "{asked:?}"
        );
    }
    request.identity.expires_at = Some(NOW + 20);
    assert_eq!(ends(Some(30), &request, &rules), Some(NOW + 20));
    rules.expiry.max = None;
    assert_eq!(ends(None, &request, &rules), Some(NOW + 20));
}

#[test]
fn an_end_that_servers_would_take_for_the_past_comes_sooner() {
    let (rules, mut request) = (rules(), request());
    // The last second that a certificate can name.
    request.identity.expires_at = Some(253_402_300_799);
    let permit = permit(|_| {});
    let end = enforce(permit, &request, None, &rules)
        .unwrap()
        .expires_at();
    let in_nanoseconds = end.and_then(|end| (end - NOW).checked_mul(1_000_000_000));
    assert!(in_nanoseconds.is_some_and(|left| i64::try_from(left).is_ok()));
}

#[test]
fn jitter_spreads_the_ends_and_never_extends_a_login() {
    let mut rules = rules();
    rules.expiry = Expiry {
        max: Some(Duration::from_hours(1)),
        jitter: Duration::from_mins(5),
    };
    let ends: std::collections::BTreeSet<_> = (0..200)
        .map(|_| {
            let done = enforce(permit(|_| ()), &request(), None, &rules).unwrap();
            done.expires_at().unwrap()
        })
        .collect();
    assert!(ends.len() > 100, "{} different ends", ends.len());
    assert!(*ends.first().unwrap() >= NOW + 3600 - 300);
    assert!(*ends.last().unwrap() <= NOW + 3600);
    let short = permit(|builder| builder.expires_in(8));
    let end = enforce(short, &request(), None, &rules)
        .unwrap()
        .expires_at();
    assert!(end.unwrap() >= NOW + 6, "at most a quarter of what is left");
}

#[test]
fn a_star_at_the_end_is_closed_unless_something_below_is_allowed() {
    let denied = |subjects: &[&str], version: &str| {
        let permit = permit(|builder| {
            for subject in subjects {
                builder.subscribe_allow(subject);
            }
            builder.subscribe_deny("x");
        });
        let mut request = request();
        request.server.version = Some(version.to_owned());
        let held = enforce(permit, &request, Some(&policy()), &rules()).unwrap();
        let deny = held.permissions().subscribe.deny.iter();
        deny.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(denied(&["a.*"], "2.10.26"), ["x", "a.*.>"]);
    assert_eq!(denied(&["*.*"], "2.10.26"), ["x", "*.*.>"]);
    assert_eq!(denied(&["*.*"], "2.15.1"), ["x", "*.*.>"]);
    assert_eq!(denied(&["a.* q"], "2.15.1"), ["x", "a.*.>"]);
    assert_eq!(denied(&["a.*", "a.b.c"], "2.15.1"), ["x"]);
    assert_eq!(denied(&["a.>", "b"], "2.15.1"), ["x"]);
}

#[test]
fn a_budget_that_is_exceeded_leaves_the_permit_as_it_was() {
    let mut rules = rules();
    let all = ceiling(">", OnExcess::Clip);
    rules.ceilings.accounts = BTreeMap::from([("APP".parse().unwrap(), all)]);
    let mut asked = permit(|builder| {
        for number in 0..1000 {
            builder.publish_allow(&format!("a.{number}"));
        }
    });
    let before = asked.clone();
    let mut little = WorkBudget::new(100);
    let denial =
        super::enforce(&mut asked, &request(), Some(&policy()), &rules, &mut little).unwrap_err();
    assert!(little.is_exceeded());
    assert_eq!(
        (denial.class, &asked),
        (DenialClass::CeilingExceeded, &before)
    );
    assert!(
        denial.reason.contains("takes more than 100 steps"),
        "{denial}"
    );
    assert!(enforce(asked, &request(), Some(&policy()), &rules).is_ok());
}
