//! Values that the operator stores in NATS key-value buckets.

use crate::Request;

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

impl Request {
    /// Returns the value of `key` in the key-value bucket `bucket`, as text; `None` if the bucket
    /// has no such key.
    ///
    /// Only a policy that the operator grants buckets may call this: `key-value = ["revoked"]`
    /// under `[policies.grants.NAME]` in `portcullis.toml`. The host rejects a module that imports
    /// the function without the grant. The host mirrors the buckets: a look-up takes microseconds,
    /// and sees a change of a bucket a moment later. A decision may look up 256 keys.
    ///
    /// A key consists of letters, digits, `-`, `/`, `_`, `=` and `.`, as NATS defines it. Other
    /// names, such as e-mail addresses, must be encoded first: see [`key`](crate::key).
    ///
    /// In a native test, a bucket holds what the test put there with
    /// [`RequestBuilder::key_value`](crate::testing::RequestBuilder::key_value).
    ///
    /// # Errors
    ///
    /// Fails if the value is unknown. The bucket may not be granted, not exist or not be
    /// synchronised yet; `key` may be no valid key; or the value may not be UTF-8 text.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis_sdk::{Request, Verdict};
    ///
    /// fn refusal(request: &Request, user: &str) -> Option<Verdict> {
    ///     match request.key_value("revoked", user) {
    ///         Ok(None) => None,
    ///         Ok(Some(reason)) => Some(Verdict::deny(format!("revoked: {reason}"))),
    ///         Err(error) => Some(Verdict::deny(error.to_string())),
    ///     }
    /// }
    ///
    /// let request = Request::builder().key_value("revoked", "mallory", "left in May").build();
    /// assert_eq!(refusal(&request, "alice"), None);
    /// assert_eq!(refusal(&request, "mallory"), Some(Verdict::deny("revoked: left in May")));
    /// ```
    pub fn key_value(&self, bucket: &str, key: &str) -> Result<Option<String>, LookUpError> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::bindings::portcullis::policy::key_value::get(bucket, key)
                .map_err(LookUpError::new)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.facts().key_value(bucket, key)
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

    #[test]
    fn buckets_hold_what_the_test_put_there() {
        let request = Request::builder()
            .key_value("tenants", "acme", "gold")
            .build();
        let get = |bucket, key| request.key_value(bucket, key);
        assert_eq!(get("tenants", "acme"), Ok(Some("gold".to_owned())));
        assert_eq!(get("tenants", "other"), Ok(None));
        assert_eq!(get("revoked", "acme"), Ok(None));
        assert!(get("tenants", "a b").is_err(), "no key");
        assert_eq!(request.questions(), ["key-value.get"; 4]);
    }

    #[test]
    fn look_ups_can_fail() {
        let builder = Request::builder().key_value("tenants", "acme", "gold");
        let request = builder.look_ups_fail("not synchronised").build();
        let error = request.key_value("tenants", "acme").unwrap_err();
        assert_eq!(error.to_string(), "not synchronised");
    }
}
