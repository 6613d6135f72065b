//! Values that the operator stores in NATS key-value buckets.

/// The reason why the value of a key is unknown. A policy must deny the login then, and must not
/// take the key for absent.
///
/// Displays as one line that holds no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct LookUpError {
    reason: String,
}

impl LookUpError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

/// Encodes a name as a key of a bucket.
///
/// Letters, digits, `-`, `/` and `_` stay as they are. Every other byte becomes `=` and two
/// upper-case hexadecimal digits. Two different names never have the same key.
///
/// ```
/// use portcullis_sdk::key;
///
/// assert_eq!(key("alice"), "alice");
/// assert_eq!(key("alice@example.com"), "alice=40example=2Ecom");
/// ```
pub fn key(name: &str) -> String {
    use std::fmt::Write as _;
    let mut key = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-/_".contains(&byte) {
            key.push(char::from(byte));
        } else {
            // Writing to a `String` does not fail.
            let _ = write!(key, "={byte:02X}");
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_have_the_same_key() {
        let names = ["a", "a=", "a=3D", "a.b", "a b", "é", "E9", "=E9", "A", ""];
        let keys: std::collections::BTreeSet<_> = names.iter().map(|name| key(name)).collect();
        assert_eq!(keys.len(), names.len(), "{keys:?}");
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-/_=".contains(c);
        assert!(keys.iter().all(|key| key.chars().all(allowed)), "{keys:?}");
    }
}
