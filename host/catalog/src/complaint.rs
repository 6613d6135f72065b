//! Messages about files that serde reads. They hold no value of a file, which may be a password.

use portcullis_toml::{nearest, words};

/// Returns serde's `message` about a file without the value that it found, in the words of TOML.
pub(crate) fn complaint(message: &str) -> String {
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
        "integer" => words::WHOLE_NUMBER,
        "floating" => words::FRACTION,
        "boolean" => words::truth_value(value == "`true`"),
        "sequence" => words::LIST,
        "map" => words::TABLE,
        "null" | "unit" => words::NOTHING,
        _ => return None,
    })
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
mod vocabulary;

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
                "expected a whole number that is not negative, found a whole number",
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
