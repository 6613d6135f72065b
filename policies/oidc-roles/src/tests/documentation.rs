//! Tests of the settings in the documentation.

use policy_support::testing::{
    assert_examples_are_accepted, assert_settings_are_described, assert_settings_are_documented,
};

use crate::OidcRoles;

#[test]
fn every_example_in_the_readme_is_accepted() {
    assert_examples_are_accepted::<OidcRoles>(include_str!("../../README.md"));
}

#[test]
fn the_readme_names_every_setting() {
    assert_settings_are_documented::<OidcRoles>(include_str!("../../README.md"));
}

#[test]
fn the_schema_describes_every_setting() {
    assert_settings_are_described::<OidcRoles>();
}
