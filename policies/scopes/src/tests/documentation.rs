//! A test that the policy accepts the settings in its documentation.

use policy_support::testing::assert_examples_are_accepted;

use crate::Scopes;

#[test]
fn every_example_in_the_readme_is_accepted() {
    assert_examples_are_accepted::<Scopes>(include_str!("../../README.md"));
}
