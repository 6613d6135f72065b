//! Tests of the examples in the documentation.

use policy_support::testing::{
    assert_settings_are_described, assert_settings_are_documented, code_blocks,
};
use portcullis_sdk::Permit;

use super::*;

const README: &str = include_str!("../../README.md");
const GUIDE: &str = include_str!("../../../../docs/guide/from-cedar.md");

#[test]
fn the_example_of_the_readme_is_accepted() {
    let (settings, text) = (code_blocks(README, "toml"), code_blocks(README, "cedar"));
    let policy = with_text(settings[0], text[0]).unwrap();
    let permit = Permit::new("APP")
        .with_user_name("alice")
        .allow_subscribe(["orders.>", "_INBOX.alice.>"]);
    assert_eq!(policy.decide(&login(&["orders"]).build()), permit.into());
}

#[test]
fn the_schema_of_the_readme_is_the_schema() {
    let schema = include_str!("../schema.cedarschema").lines();
    let schema: Vec<_> = schema.filter(|line| !line.starts_with("//")).collect();
    assert_eq!(
        code_blocks(README, "cedarschema"),
        [schema.join("\n") + "\n"]
    );
}

#[test]
fn the_example_of_the_guide_is_accepted() {
    let (settings, text) = (code_blocks(GUIDE, "toml"), code_blocks(GUIDE, "cedar"));
    let policy = with_text(settings[0], text[0]).unwrap();
    let office = login(&["orders"]).client_host("10.0.0.7").build();
    assert!(matches!(policy.decide(&office), Verdict::Permit(_)));
}

#[test]
fn the_readme_names_every_setting() {
    assert_settings_are_documented::<Cedar>(README);
}

#[test]
fn the_schema_describes_every_setting() {
    assert_settings_are_described::<Cedar>();
}
