//! Look-ups in key-value buckets.

use super::Request;
use crate::key_value::LookUpError;

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
    ///         Err(error) => Some(Verdict::deny(error)),
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
            crate::host::key_value::get(bucket, key).map_err(LookUpError::new)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.facts().key_value(bucket, key)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
