//! Tests of the settings in the documentation.

use policy_support::testing::{
    assert_examples_are_accepted, assert_settings_are_described, assert_settings_are_documented,
};

use crate::StaticUsers;

#[test]
fn every_example_in_the_readme_is_accepted() {
    assert_examples_are_accepted::<StaticUsers>(include_str!("../../README.md"));
}

#[test]
fn every_example_in_the_guide_is_accepted() {
    let guide = include_str!("../../../../docs/guide/jetstream.md");
    assert_examples_are_accepted::<StaticUsers>(guide);
}

#[test]
fn the_readme_names_every_setting() {
    assert_settings_are_documented::<StaticUsers>(include_str!("../../README.md"));
}

#[test]
fn the_schema_describes_every_setting() {
    assert_settings_are_described::<StaticUsers>();
}
