//! The client's credentials, and the buckets that the policy may read.

use super::RequestBuilder;
use super::setters::setters;
use crate::names::Method;

/// The client's credentials.
impl RequestBuilder {
    setters! {
        /// Sets the user name.
        username("alice") => identity.username: optional;
        request.username().as_deref(), Some("alice");
        /// Sets the password.
        password("secret") => secrets.password: optional;
        request.password_matches("plain:secret"), Ok(true);
        /// Sets the token (`auth_token`).
        token("secret") => secrets.token: optional;
        request.token_matches("plain:secret"), Ok(true);
        /// Sets the user JWT.
        jwt("eyJ…") => secrets.jwt: optional;
        request.method(), Method::Jwt;
        /// Sets the public nkey that the client has proved to hold.
        nkey("UAAA") => identity.nkey: optional;
        request.nkey().as_deref(), Some("UAAA");
        /// Sets the method. Default: the method that follows from the credentials.
        method(Method::Certificate) => identity.method: value(Method);
        request.method(), Method::Certificate;
        /// Sets the principal. Default: the nkey, else the user name.
        principal("alice") => identity.principal: optional;
        request.principal().as_deref(), Some("alice");
        /// Sets who vouches for the principal.
        issuer("https://id.example") => identity.issuer: optional;
        request.issuer().as_deref(), Some("https://id.example");
        /// Sets when the credentials expire, in seconds since the Unix epoch.
        expires_at(1_800_000_000) => identity.expires_at: value(u64);
        request.expires_at(), Some(1_800_000_000);
        /// Adds groups or roles. Claims do not set them.
        groups(["ops", "dev"]) => identity.groups: list;
        request.groups(), ["ops", "dev"];
        /// Adds tags of a user JWT whose issuer the host trusts.
        tags(["team:a"]) => identity.tags: list;
        request.tags(), ["team:a"];
        /// Sets the role of the scoped signing key that signed the user JWT.
        role("reader") => identity.role: optional;
        request.role().as_deref(), Some("reader");
        /// Makes every comparison with a hash fail for this reason, as with a malformed hash.
        hashing_fails("too late") => identity.failure: optional;
        request.password_matches("plain:secret").unwrap_err().to_string(), "too late";
    }

    /// Presents a verified token of an identity provider.
    ///
    /// The method is [`Method::Oidc`], and the principal is the proved claim `sub`. `claims` is a
    /// JSON object.
    ///
    /// # Panics
    ///
    /// Panics if `claims` is not a JSON object.
    ///
    /// ```
    /// use portcullis_sdk::{Method, Request, Strength};
    ///
    /// let request = Request::builder().oidc("https://id.example", r#"{ "sub": "7" }"#).build();
    /// assert_eq!(request.method(), Method::Oidc);
    /// assert_eq!(request.principal().as_deref(), Some("7"));
    /// assert_eq!(request.strength(), Strength::Proved);
    /// ```
    pub fn oidc(self, issuer: impl Into<String>, claims: &str) -> Self {
        let builder = self.method(Method::Oidc).proved();
        let mut builder = builder.issuer(issuer).claims(claims);
        let subject = builder.facts.identity.claims.get("sub");
        builder.facts.identity.principal = subject.and_then(|sub| sub.as_str().map(str::to_owned));
        builder
    }

    /// Sets the claims of a verified token or user JWT: a JSON object.
    ///
    /// # Panics
    ///
    /// Panics if `claims` is not a JSON object.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().claims(r#"{ "teams": ["red", "blue"] }"#).build();
    /// assert_eq!(request.claim_values("teams"), ["red", "blue"]);
    /// ```
    #[expect(clippy::panic, reason = "a mistake in a test is to end that test")]
    pub fn claims(mut self, claims: &str) -> Self {
        let claims: serde_json::Map<_, _> = match serde_json::from_str(claims) {
            Ok(claims) => claims,
            Err(error) => panic!("claims: {error}"),
        };
        self.facts.identity.claim_names = claims.keys().cloned().collect();
        self.facts.identity.claims = claims.into();
        self
    }

    /// Makes the principal a proved one.
    ///
    /// ```
    /// use portcullis_sdk::{Request, Strength};
    ///
    /// assert_eq!(Request::builder().proved().build().strength(), Strength::Proved);
    /// ```
    pub fn proved(mut self) -> Self {
        self.facts.identity.proved = true;
        self
    }

    /// Adds a hash that the password matches. A test computes no hashes; only `plain:` is compared.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let hash = "$2b$12$LQv3c1yqBWVHxkd0LHAkCOYz6TtxMQJqhN8/LewdBPj4J/HS.i8eC";
    /// let request = Request::builder().password("secret").password_matches(hash).build();
    /// assert_eq!(request.password_matches(hash), Ok(true));
    /// ```
    pub fn password_matches(mut self, hash: impl Into<String>) -> Self {
        self.facts.identity.password_hashes.push(hash.into());
        self
    }

    /// Adds a hash that the token matches.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let hash = format!("sha256:{}", "0".repeat(64));
    /// let request = Request::builder().token("secret").token_matches(&hash).build();
    /// assert_eq!(request.token_matches(&hash), Ok(true));
    /// ```
    pub fn token_matches(mut self, hash: impl Into<String>) -> Self {
        self.facts.identity.token_hashes.push(hash.into());
        self
    }
}

/// The key-value buckets that the policy is granted.
impl RequestBuilder {
    /// Puts a key and its value into a bucket. All other buckets are empty.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().key_value("tenants", "acme", "gold").build();
    /// assert_eq!(request.key_value("tenants", "acme"), Ok(Some("gold".to_owned())));
    /// ```
    pub fn key_value(
        mut self,
        bucket: impl Into<String>,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        let place = (bucket.into(), key.into());
        self.facts.key_values.entries.insert(place, value.into());
        self
    }

    setters! {
        /// Makes every look-up fail for this reason, as when a bucket is not synchronised.
        look_ups_fail("not synchronised") => key_values.failure: optional;
        request.key_value("tenants", "acme").unwrap_err().to_string(), "not synchronised";
    }
}
