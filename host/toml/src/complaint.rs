//! Messages about values that serde reads, from TOML or from JSON. They hold no value, which may be
//! a password.

use std::fmt;

use crate::{nearest, words};

/// A problem that serde has with a value, in the words of this crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Path of the value, as `client.id`. `None` for the content as a whole.
    pub path: Option<String>,
    /// Problem of the value. The message holds no value.
    pub message: String,
}

impl Complaint {
    /// Returns the complaint for serde's `message` about the value at `path`, as
    /// `serde_path_to_error` has both. The path `.` is that of the content as a whole.
    pub fn new(path: &str, message: &str) -> Self {
        let message = complaint(message);
        let whole = path.strip_suffix('.').unwrap_or(path);
        let inside = if message.starts_with("unknown field ") {
            // The message names the last key.
            whole.rsplit_once('.').map_or("", |(table, _)| table)
        } else {
            whole
        };
        Self {
            path: (!inside.is_empty()).then(|| inside.escape_debug().to_string()),
            message,
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(formatter, "{path}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

/// Returns serde's `message` about a value without the value that it found, in the words of this
/// crate.
pub fn complaint(message: &str) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if message.starts_with("invalid ") {
        return mismatch(&message);
    }
    if let Some(unknown) = message.strip_prefix("unknown field `") {
        return suggestion(unknown).unwrap_or(message);
    }
    message
}

/// Returns the message for a value of another type: `invalid type: FOUND, expected EXPECTED`.
fn mismatch(message: &str) -> String {
    // The found value is a text of the author, which may contain the separator.
    let Some((found, expected)) = message.rsplit_once(", expected ") else {
        return "a value of another kind is expected".to_owned();
    };
    let expected = expected_words(expected);
    let found = found.split_once(": ");
    let found = found.and_then(|(_, found)| found_words(found));
    let found = match found {
        // Both are whole numbers, and a smaller one has words of its own.
        Some(words::WHOLE_NUMBER) if expected.starts_with(words::WHOLE_NUMBER) => {
            Some(words::LARGER_NUMBER)
        }
        found => found,
    };
    match found {
        Some(kind) => format!("expected {expected}, found {kind}"),
        None => format!("expected {expected}"),
    }
}

/// Returns the word for a value that serde describes.
fn found_words(found: &str) -> Option<&'static str> {
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    Some(match kind {
        "string" => words::STRING,
        "integer" if value.starts_with("`-") => words::NEGATIVE_NUMBER,
        "integer" => words::WHOLE_NUMBER,
        // JSON has whole numbers of more than 64 bits as floating point numbers.
        "floating" if is_beyond_64_bits(value) => words::WHOLE_NUMBER,
        "floating" => words::FRACTION,
        "boolean" => words::truth_value(value == "`true`"),
        "sequence" => words::LIST,
        "map" => words::TABLE,
        "null" | "unit" => words::NOTHING,
        _ => return None,
    })
}

/// Returns whether serde's `point …` is a number that no 64 bits hold.
fn is_beyond_64_bits(found: &str) -> bool {
    let number = found.split('`').nth(1).and_then(|text| text.parse().ok());
    number.is_some_and(|number: f64| number >= 18_446_744_073_709_551_615.0)
}

/// Returns the expected value in words, where serde names a type of Rust.
fn expected_words(expected: &str) -> &str {
    match expected {
        "a sequence" => words::LIST,
        "a map" => words::TABLE,
        "a boolean" => words::TRUTH_VALUE,
        "u32" => "a whole number from 0 to 4294967295",
        "u64" => words::NATURAL_NUMBER,
        _ if expected.starts_with("struct ") => words::TABLE,
        _ => expected,
    }
}

/// Returns the message for an unknown field. `text` is that of serde, after the quotation mark
/// before the field. `None` if no known field is alike.
fn suggestion(text: &str) -> Option<String> {
    let (field, rest) = text.split_once('`')?;
    let known: Vec<_> = rest.split('`').skip(1).step_by(2).collect();
    let near = nearest(field, &known)?;
    let field = field.escape_debug();
    Some(format!("unknown field `{field}`, did you mean `{near}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_complaint_shows_a_value() {
        for (message, expected) in [
            (
                r#"invalid type: string "hunter2", expected u64"#,
                "expected a whole number that is not negative, found a string",
            ),
            (
                r#"invalid type: string "expected hunter2, expected hunter2", expected struct Login"#,
                "expected a table, found a string",
            ),
            (
                "invalid type: integer `7`, expected a string",
                "expected a string, found a whole number",
            ),
            (
                "invalid value: integer `-4`, expected u64",
                "expected a whole number that is not negative, found a negative number",
            ),
            (
                "invalid value: integer `99999999999`, expected u32",
                "expected a whole number from 0 to 4294967295, found a larger number",
            ),
            (
                "invalid type: floating point `1.8446744073709552e19`, expected u64",
                "expected a whole number that is not negative, found a larger number",
            ),
            (
                "invalid type: floating point `1e+300`, expected a string",
                "expected a string, found a whole number",
            ),
            (
                "invalid type: floating point `1.5`, expected a sequence",
                "expected a list, found a number with a fraction",
            ),
            (
                "invalid value: hunter2",
                "a value of another kind is expected",
            ),
        ] {
            assert_eq!(complaint(message), expected, "{message}");
        }
    }

    #[test]
    fn a_complaint_has_the_path_of_its_value() {
        for (path, message, expected) in [
            (
                "client.id",
                "invalid type: string \"x\", expected u64",
                "client.id: expected a whole number that is not negative, found a string",
            ),
            (
                ".",
                "invalid type: integer `7`, expected struct Login",
                "expected a table, found a whole number",
            ),
            (
                "client.hots",
                "unknown field `hots`, expected `host` or `id`",
                "client: unknown field `hots`, did you mean `host`?",
            ),
            (
                "hots",
                "unknown field `hots`, expected `host` or `id`",
                "unknown field `hots`, did you mean `host`?",
            ),
        ] {
            assert_eq!(Complaint::new(path, message).to_string(), expected);
        }
    }

    #[test]
    fn an_unknown_field_comes_with_the_nearest_or_with_all() {
        for (message, expected) in [
            (
                "unknown field `pasword`, expected one of `username`, `password`",
                "unknown field `pasword`, did you mean `password`?",
            ),
            (
                "unknown field `test`, expected `tests`",
                "unknown field `test`, did you mean `tests`?",
            ),
            (
                "unknown field `x`, expected one of `username`,\n`password`",
                "unknown field `x`, expected one of `username`, `password`",
            ),
            ("missing field `login`", "missing field `login`"),
        ] {
            assert_eq!(complaint(message), expected, "{message}");
        }
    }
}
