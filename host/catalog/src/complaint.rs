//! Messages about files that serde reads. They hold no value of a file, which may be a password.

use portcullis_toml::nearest;

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
    let found = found.split_once(": ").and_then(|(_, found)| kind(found));
    match found {
        Some(kind) => format!("expected {expected}, found {kind}"),
        None => format!("expected {expected}"),
    }
}

/// Returns the kind of a value that serde describes, as the reader of `portcullis.toml` names it.
fn kind(found: &str) -> Option<&'static str> {
    Some(match found.split(' ').next()? {
        "string" => "a string",
        "integer" => "an integer",
        "floating" => "a float",
        "boolean" => "a boolean",
        "sequence" => "an array",
        "map" => "a table",
        "null" | "unit" => "nothing",
        _ => return None,
    })
}

/// Returns the expected value in words, where serde names a type of Rust.
fn expected_words(expected: &str) -> &str {
    match expected {
        "a sequence" => "an array",
        "a map" => "a table",
        "a boolean" => "`true` or `false`",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" => "a whole number, not negative",
        _ if expected.starts_with("struct ") => "a table",
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
                "expected a whole number, not negative, found a string",
            ),
            (
                r#"invalid type: string "expected hunter2, expected hunter2", expected struct Login"#,
                "expected a table, found a string",
            ),
            (
                "invalid type: integer `7`, expected a string",
                "expected a string, found an integer",
            ),
            (
                "invalid value: integer `-4`, expected u64",
                "expected a whole number, not negative, found an integer",
            ),
            (
                "invalid type: floating point `1.5`, expected a sequence",
                "expected an array, found a float",
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
