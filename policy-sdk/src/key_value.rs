//! Values that the operator keeps in NATS key-value buckets.

use crate::Request;

/// Why the value of a key is not known. A reason to refuse the login, never to take the key for absent.
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
    /// The value of `key` in the key-value bucket `bucket`, as text; none if there is no such key.
    ///
    /// Only a policy that its operator grants buckets (`key-value = ["revoked"]` under `[policies.grants.NAME]` in
    /// `portcullis.toml`) may ask; a module that asks without it is not put in service. The host mirrors the buckets: a look-up takes microseconds, and what changes in a bucket is
    /// seen a moment later. A decision may look up 256 keys.
    ///
    /// A key has letters, digits, `-`, `/`, `_`, `=` and `.`, as NATS has it. A name that may hold something else, as an e-mail
    /// address does, has to be written in them first: [`key`](crate::key) does.
    ///
    /// In a native test, buckets hold what [`RequestBuilder::key_value`](crate::testing::RequestBuilder::key_value) put there.
    ///
    /// # Errors
    ///
    /// When the value is not known: the bucket is not granted, gone or not synchronised yet, `key` is none, or the value is not UTF-8
    /// text.
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

/// Writes a name as a key of a bucket: what a key cannot have, and `=`, becomes `=` and two upper-case hexadecimal digits for each
/// byte. Names of letters, digits, `-`, `/` and `_` stay as they are, and no two names have the same key.
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
            // Writing to a text does not fail.
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
