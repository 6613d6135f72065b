//! Tests of the examples in the documentation.

use policy_support::testing::{
    assert_settings_are_described, assert_settings_are_documented, code_blocks,
};
use portcullis_sdk::Permit;

use super::*;

const README: &str = include_str!("../../README.md");
const GUIDE: &str = include_str!("../../../../docs/guide/from-opa.md");

#[test]
fn the_example_of_the_readme_permits() {
    let text = code_blocks(README, "rego");
    let policy = with_text("[settings]", text[0]).unwrap();
    let permit = Permit::new("APP")
        .with_user_name("alice")
        .allow_subscribe(["orders.>", "_INBOX.alice.>"]);
    let member = alice().groups(["orders"]).build();
    assert_eq!(policy.decide(&member), permit.into());
    assert_eq!(policy.decide(&alice().build()), Verdict::Abstain);
}

#[test]
fn the_example_of_the_guide_permits() {
    let (settings, text) = (code_blocks(GUIDE, "toml"), code_blocks(GUIDE, "rego"));
    let policy = with_text(settings[0], text[0]).unwrap();
    let office = alice().groups(["orders"]).client_host("10.0.0.7").build();
    assert!(matches!(policy.decide(&office), Verdict::Permit(_)));
}

#[test]
fn the_readme_names_every_setting() {
    assert_settings_are_documented::<Rego>(README);
}

#[test]
fn the_schema_describes_every_setting() {
    assert_settings_are_described::<Rego>();
}
