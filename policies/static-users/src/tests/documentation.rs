//! A test that the policy accepts the settings in its documentation.

use portcullis_sdk::testing::code_blocks;

use super::*;

#[test]
fn every_example_in_the_readme_is_accepted() {
    let examples = code_blocks(include_str!("../../README.md"), "toml");
    assert!(!examples.is_empty());
    for example in examples {
        if let Err(error) = configure(example) {
            panic!("{error}\n{example}");
        }
    }
}
