//! A test that the policy accepts the settings in its documentation.

use policy_support::testing::assert_examples_are_accepted;

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
