//! The words for kinds of values, after "expected" and "found". The SDK has the same for the
//! settings of policies, in `policy-sdk/src/settings/words.rs`: change both. A test of
//! `host/catalog` compares them.

/// A text.
pub const STRING: &str = "a string";
/// A number without a fraction.
pub const WHOLE_NUMBER: &str = "a whole number";
/// A number without a fraction, from 0.
pub const NATURAL_NUMBER: &str = "a whole number that is not negative";
/// A number below zero, where one that is not negative is expected. The SDK shows such a number,
/// and larger ones, because settings are no secret of a client.
pub const NEGATIVE_NUMBER: &str = "a negative number";
/// A whole number above the largest one that is expected.
pub const LARGER_NUMBER: &str = "a larger number";
/// A number with a fraction.
pub const FRACTION: &str = "a number with a fraction";
/// A Boolean.
pub const TRUTH_VALUE: &str = "`true` or `false`";
/// A date, a time or both.
pub const DATE: &str = "a date";
/// An array.
pub const LIST: &str = "a list";
/// A table of TOML, or an object of JSON.
pub const TABLE: &str = "a table";
/// `null` of JSON.
pub const NOTHING: &str = "no value";

/// Returns the word for a Boolean that was found.
pub const fn truth_value(found: bool) -> &'static str {
    if found { "`true`" } else { "`false`" }
}
