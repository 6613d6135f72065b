//! Guards, and chains for selected logins.

use std::sync::Arc;
use std::time::Instant;

use portcullis_catalog::{Catalog, CatalogOptions, Chain, Condition};
use portcullis_core::{
    Allowed, AuthorizationRequest, ConnectionType, Decision, DenialClass, Outcome, Transport,
};
use portcullis_test_policies::{PATIENCE, request};

use crate::site::{Site, denial, names, open};

const PERMITS: &str = r#"[{ permit = { account = "APP", publish-allow = ["a"] } }]"#;
const ABSTAINS: &str = "[{ abstain = true }]";

fn denies(reason: &str) -> String {
    format!("[{{ deny = \"{reason}\" }}]")
}

/// Returns the decision on a login over MQTT.
fn decide_mqtt(catalog: &Catalog) -> Decision {
    let mut request = AuthorizationRequest::clone(&request());
    request.client.transport = Some(Transport::Mqtt);
    let snapshot = catalog.snapshot();
    snapshot.decide(&Arc::new(request), Instant::now() + PATIENCE)
}

fn decided_by(decision: &Decision) -> Option<&str> {
    decision.policy.as_ref().map(|policy| policy.name.as_str())
}

fn reason(decision: Decision) -> (DenialClass, String) {
    match decision.outcome {
        Outcome::Deny(denial) => (denial.class, denial.reason),
        Outcome::Permit(permit) => panic!("{permit:?}"),
    }
}

#[test]
fn a_guard_may_deny_and_nothing_else() {
    let site = Site::new(&[]);
    site.put_rules("guard", &denies("maintenance"));
    site.put_rules("users", PERMITS);
    let options = CatalogOptions {
        guards: vec!["guard".parse().unwrap()],
        ..site.options()
    };
    let (catalog, _) = open(options);
    assert_eq!(names(&catalog), ["guard", "users"]);
    assert_eq!(denial(&catalog).1, "maintenance");

    site.put_rules("guard", PERMITS);
    site.put_rules("users", &denies("unknown"));
    catalog.reload().unwrap();
    let decision = crate::site::decide(&catalog);
    assert_eq!(decided_by(&decision), Some("users"));
    assert_eq!(decision.abstained.len(), 1, "the guard had no objection");
    assert_eq!(reason(decision).1, "unknown");

    site.put_rules("users", PERMITS);
    catalog.reload().unwrap();
    let decision = crate::site::decide(&catalog);
    assert!(matches!(decision.outcome, Outcome::Permit(_)));
    assert_eq!(decided_by(&decision), Some("users"));
}

#[test]
fn a_guard_without_a_good_version_denies_every_login() {
    let site = Site::new(&[]);
    site.put_rules("users", PERMITS);
    let options = CatalogOptions {
        guards: vec!["guard".parse().unwrap()],
        ..site.options()
    };
    let (catalog, _) = open(options);
    let (class, reason) = denial(&catalog);
    assert_eq!(class, DenialClass::NoPolicy);
    assert!(reason.contains("`guard`"), "{reason}");
    site.put_rules("guard", ABSTAINS);
    catalog.reload().unwrap();
    let outcome = crate::site::decide(&catalog).outcome;
    assert!(matches!(outcome, Outcome::Permit(_)));
}

#[test]
fn a_guard_that_fails_denies() {
    let site = Site::new(&[]);
    site.put("guard.wasm", &portcullis_test_policies::guest("fails_for"));
    site.put(
        "guard.toml",
        b"[settings]\nusername = \"alice\"\nhow = \"panics\"\n",
    );
    site.put_rules("users", PERMITS);
    let options = CatalogOptions {
        guards: vec!["guard".parse().unwrap()],
        ..site.options()
    };
    let (catalog, _) = open(options);
    assert_eq!(denial(&catalog).0, DenialClass::PolicyTrapped);
}

/// Returns a chain of `policies` for logins over MQTT.
fn devices(policies: &[&str]) -> Chain {
    Chain {
        name: "devices".to_owned(),
        logins: Condition {
            connection_types: Allowed::only([ConnectionType::Mqtt]).unwrap(),
            ..Condition::ANY
        },
        policies: policies.iter().map(|name| name.parse().unwrap()).collect(),
    }
}

#[test]
fn a_chain_decides_its_logins_and_no_others() {
    let site = Site::new(&["users"]);
    site.put_rules("users", &denies("not a user"));
    site.put_rules("device", &denies("not a device"));
    site.put_rules("first", ABSTAINS);
    let options = CatalogOptions {
        chains: vec![devices(&["first", "device"])],
        ..site.options()
    };
    let (catalog, _) = open(options);
    assert_eq!(names(&catalog), ["first", "device", "users"]);
    let decision = decide_mqtt(&catalog);
    assert_eq!(decided_by(&decision), Some("device"));
    assert_eq!(decision.abstained.len(), 1);
    let decision = crate::site::decide(&catalog);
    assert_eq!(decided_by(&decision), Some("users"));
    assert_eq!(decision.abstained.len(), 0, "`first` is for devices");

    site.put_rules("device", ABSTAINS);
    catalog.reload().unwrap();
    let (class, why) = reason(decide_mqtt(&catalog));
    assert_eq!(class, DenialClass::EndOfChain);
    assert!(why.contains("chain `devices`"), "{why}");
    assert_eq!(denial(&catalog).1, "not a user");
}

#[test]
fn a_missing_policy_of_a_chain_stops_its_logins_only() {
    let site = Site::new(&[]);
    site.put_rules("users", PERMITS);
    let options = CatalogOptions {
        chains: vec![devices(&["device"])],
        ..site.options()
    };
    let (catalog, _) = open(options);
    let snapshot = catalog.snapshot();
    let missing: Vec<_> = snapshot.missing().map(ToString::to_string).collect();
    assert_eq!(missing, ["device"]);
    assert_eq!(reason(decide_mqtt(&catalog)).0, DenialClass::NoPolicy);
    let outcome = crate::site::decide(&catalog).outcome;
    assert!(matches!(outcome, Outcome::Permit(_)));
}
