//! Escaping of values in subjects.

use std::fmt::Write as _;

/// Escapes a value as a part of one token of a subject.
///
/// ASCII letters, digits and `-_@+=:/` stay as they are. Every other byte becomes `%` and two
/// upper-case hexadecimal digits. Different values stay different.
///
/// For policies that build subjects themselves:
///
/// ```
/// use portcullis_sdk::template::escape;
///
/// assert_eq!(escape("user:7@example"), "user:7@example");
/// assert_eq!(escape("a.*.>"), "a%2E%2A%2E%3E");
/// assert_eq!(escape("$SYS é"), "%24SYS%20%C3%A9");
/// ```
pub fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for byte in value.bytes() {
        if stands_as_it_is(byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

pub(super) const fn stands_as_it_is(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'@' | b'+' | b'=' | b':' | b'/')
}
