//! The settings in the documentation are settings.

use super::*;

#[test]
fn every_example_in_the_readme_is_accepted() {
    let readme = include_str!("../../README.md");
    let examples: Vec<_> = readme
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(!examples.is_empty());
    for example in examples {
        if let Err(error) = configure(example) {
            panic!("{error}\n{example}");
        }
    }
}
