//! Helpers of the policies' tests. They exist outside wasm32 only.

use std::marker::PhantomData;
use std::ops::Deref;

use portcullis_sdk::{Policy, SettingsError, testing};
use serde_json::Value;

/// Settings that a policy accepts, for tests that break them in one place.
///
/// Dereferences to the text: a `NAME.toml` with a table `[settings]`.
#[derive(Debug)]
pub struct GoodSettings<P>(&'static str, PhantomData<fn() -> P>);

impl<P> GoodSettings<P> {
    /// Takes the text of the settings.
    pub const fn new(toml: &'static str) -> Self {
        Self(toml, PhantomData)
    }
}

impl<P> Deref for GoodSettings<P> {
    type Target = str;

    fn deref(&self) -> &str {
        self.0
    }
}

impl<P: Policy> GoodSettings<P> {
    /// Asserts that the policy accepts the settings as they are.
    ///
    /// # Panics
    ///
    /// Panics if the policy rejects them.
    #[track_caller]
    pub fn assert_accepted(&self) {
        assert_eq!(configure::<P>(self).err(), None);
    }

    /// Asserts that broken settings are rejected with the expected errors.
    ///
    /// Each case replaces one part of the settings. A case is the part, its replacement and the
    /// error.
    ///
    /// # Panics
    ///
    /// Panics if the settings do not contain the part, or if the error differs.
    #[track_caller]
    pub fn assert_complaints(&self, cases: &[(&str, &str, &str)]) {
        for (part, replacement, expected) in cases {
            assert!(self.contains(part), "`{part}` is not in the settings");
            let found = complaint::<P>(&self.replace(part, replacement));
            assert_eq!(found, *expected, "`{replacement}` instead of `{part}`");
        }
    }
}

/// Configures a policy from the text of a `NAME.toml`, converted to JSON as the host does.
///
/// # Errors
///
/// Fails if the text has no table `[settings]`, or if the policy rejects the settings.
pub fn configure<P: Policy>(toml: &str) -> Result<P, SettingsError> {
    let file: toml::Table = toml::from_str(toml).map_err(SettingsError::new)?;
    let settings = file
        .get("settings")
        .ok_or_else(|| SettingsError::new("no table `[settings]`"))?;
    let json = serde_json::to_string(settings);
    testing::configure(&json.map_err(SettingsError::new)?)
}

/// Returns the error with which a policy rejects the text of a `NAME.toml`.
///
/// # Panics
///
/// Panics if the policy accepts the settings.
#[track_caller]
#[expect(clippy::panic, reason = "settings that are accepted fail the test")]
pub fn complaint<P: Policy>(toml: &str) -> String {
    match configure::<P>(toml) {
        Ok(_) => panic!("the policy accepts\n{toml}"),
        Err(error) => error.to_string(),
    }
}

/// Asserts that a policy accepts every example of settings in its README.
///
/// # Panics
///
/// Panics if the README has no example, or if the policy rejects one.
#[track_caller]
#[expect(clippy::panic, reason = "an example that is rejected fails the test")]
pub fn assert_examples_are_accepted<P: Policy>(readme: &str) {
    let examples = code_blocks(readme, "toml");
    assert!(!examples.is_empty(), "no example in the README");
    for example in examples {
        if let Err(error) = configure::<P>(example) {
            panic!("{error}\n{example}");
        }
    }
}

/// Asserts that the README of a policy names every key of its settings.
///
/// # Panics
///
/// Panics if a key is missing.
#[track_caller]
pub fn assert_settings_are_documented<P: Policy>(readme: &str) {
    let schema: Value = serde_json::from_str(&testing::settings_schema::<P>()).unwrap_or_default();
    let keys = schema.get("properties").and_then(|keys| keys.as_object());
    let missing: Vec<_> = keys
        .into_iter()
        .flat_map(|keys| keys.keys())
        // The host fills in the content of a file.
        .filter(|key| !key.ends_with("-text") && !readme.contains(&format!("`{key}")))
        .collect();
    assert!(
        keys.is_some() && missing.is_empty(),
        "not in the README: {missing:?}"
    );
}

/// Asserts that the schema of a policy's settings describes every key and has its default.
///
/// A default is a value of JSON, or words after `Default:` in the description. Required keys and
/// tables have none.
///
/// # Panics
///
/// Panics if a description or default is missing.
#[track_caller]
pub fn assert_settings_are_described<P: Policy>() {
    let schema: Value = serde_json::from_str(&testing::settings_schema::<P>()).unwrap_or_default();
    let mut missing = Vec::new();
    add_undescribed(&schema, "", &mut missing);
    assert!(schema.is_object() && missing.is_empty(), "{missing:#?}");
}

/// Adds the keys below `path` whose description or default is missing.
fn add_undescribed(schema: &Value, path: &str, missing: &mut Vec<String>) {
    let required = schema.get("required").and_then(Value::as_array);
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, value) in properties.into_iter().flatten() {
        let path = format!("{path}.{key}");
        let is_required = required.is_some_and(|keys| keys.iter().any(|one| one == key));
        let description = value.get("description").and_then(Value::as_str);
        if description.is_none() {
            missing.push(format!("{path}: no description"));
        }
        let has_default = value.get("default").is_some()
            || description.is_some_and(|text| text.contains("Default: "));
        if !is_required && !has_default && value.get("properties").is_none() {
            missing.push(format!("{path}: no default"));
        }
        add_undescribed(value, &path, missing);
    }
    for (inner, suffix) in [("additionalProperties", ".NAME"), ("items", "[]")] {
        if let Some(value) = schema.get(inner) {
            add_undescribed(value, &format!("{path}{suffix}"), missing);
        }
    }
}

/// Returns the code blocks of a Markdown text that are in `language`, in their order.
///
/// ```
/// use policy_support::testing::code_blocks;
///
/// let readme = "Settings:\n\n```toml\n[settings]\n```\n\n```text\nno settings\n```\n";
/// assert_eq!(code_blocks(readme, "toml"), ["[settings]\n"]);
/// ```
pub fn code_blocks<'text>(markdown: &'text str, language: &str) -> Vec<&'text str> {
    let fence = format!("```{language}\n");
    let blocks = markdown.split(fence.as_str()).skip(1);
    blocks.filter_map(|rest| rest.split("```").next()).collect()
}

#[cfg(test)]
mod tests {
    use portcullis_sdk::prelude::*;

    use super::*;

    #[derive(Debug)]
    struct Closed;

    impl Policy for Closed {
        type Settings = NoSettings;

        fn configure(_: NoSettings) -> Result<Self, SettingsError> {
            Ok(Self)
        }

        fn decide(&self, _: &Request) -> Verdict {
            Verdict::deny("closed")
        }
    }

    const GOOD: GoodSettings<Closed> = GoodSettings::new("[settings]\n");
    const COMPLAINT: &str = "a: unknown field `a`, there are no fields";

    #[test]
    fn the_expected_complaints_pass() {
        GOOD.assert_accepted();
        GOOD.assert_complaints(&[("[settings]", "[settings]\na = 1", COMPLAINT)]);
        assert_examples_are_accepted::<Closed>("```toml\n[settings]\n```\n");
    }

    #[test]
    #[should_panic(expected = "`a = 2` instead of `[settings]`")]
    fn another_complaint_fails() {
        GOOD.assert_complaints(&[("[settings]", "a = 2", COMPLAINT)]);
    }

    #[test]
    #[should_panic(expected = "the policy accepts")]
    fn no_complaint_fails() {
        GOOD.assert_complaints(&[("[settings]", "[settings]\n", COMPLAINT)]);
    }

    #[test]
    #[should_panic(expected = "is not in the settings")]
    fn a_part_that_is_not_there_fails() {
        GOOD.assert_complaints(&[("[seting]", "", COMPLAINT)]);
    }

    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "only described")]
    struct TwoKeys {
        first: String,
        second: String,
    }

    struct Two;

    impl Policy for Two {
        type Settings = TwoKeys;

        fn configure(_: TwoKeys) -> Result<Self, SettingsError> {
            Ok(Self)
        }

        fn decide(&self, _: &Request) -> Verdict {
            Verdict::Abstain
        }
    }

    #[test]
    fn a_readme_with_every_key_passes() {
        assert_settings_are_documented::<Two>("| `first` | |\n| `second.NAME` | |");
        assert_settings_are_documented::<Closed>("");
    }

    #[test]
    #[should_panic(expected = "not in the README: [\"second\"]")]
    fn a_key_that_the_readme_lacks_fails() {
        assert_settings_are_documented::<Two>("| `first` | |");
    }

    #[test]
    #[should_panic(expected = ".first: no description")]
    fn a_key_without_a_description_fails() {
        assert_settings_are_described::<Closed>();
        assert_settings_are_described::<Two>();
    }

    #[test]
    #[should_panic(expected = "unknown field `a`")]
    fn a_rejected_example_fails() {
        assert_examples_are_accepted::<Closed>("```toml\n[settings]\na = 1\n```\n");
    }

    #[test]
    #[should_panic(expected = "no example")]
    fn a_readme_without_examples_fails() {
        assert_examples_are_accepted::<Closed>("nothing");
    }
}
