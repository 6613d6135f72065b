//! The builder of logins for tests.

use crate::request::{Facts, Request};

/// A builder of a [`Request`] for a test.
///
/// By default, the request comes from an ordinary client over plain NATS without credentials, at
/// 2023-11-14 22:13:20 UTC.
///
/// # Example
///
/// ```
/// use portcullis_sdk::Request;
///
/// let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA";
/// let request = Request::builder()
///     .username("alice")
///     .password("secret")
///     .password_matches(hash)
///     .now(1_700_000_000)
///     .build();
/// assert_eq!(request.password_matches(hash), Ok(true));
/// assert_eq!(request.password_matches("plain:other"), Ok(false));
/// ```
#[derive(Clone, Debug)]
#[must_use = "call `build` to get the request"]
pub struct RequestBuilder {
    facts: Facts,
}

impl Default for RequestBuilder {
    fn default() -> Self {
        let mut facts = Facts::default();
        facts.request.now = 1_700_000_000;
        "UTEST".clone_into(&mut facts.request.user_nkey);
        "NTEST".clone_into(&mut facts.server.id);
        "test".clone_into(&mut facts.server.name);
        "0.0.0.0".clone_into(&mut facts.server.host);
        facts.client.kind = Some("Client".to_owned());
        facts.client.transport = Some("nats".to_owned());
        facts.client.connection_type = Some("STANDARD".to_owned());
        Self { facts }
    }
}

impl Request {
    /// Returns a builder of requests for tests. Exists outside wasm32 only.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().username("alice").build();
    /// assert_eq!(request.username().as_deref(), Some("alice"));
    /// ```
    pub fn builder() -> RequestBuilder {
        RequestBuilder::default()
    }
}

/// The client's credentials.
impl RequestBuilder {
    /// Sets the user name.
    pub fn username(mut self, value: impl Into<String>) -> Self {
        self.facts.identity.username = Some(value.into());
        self
    }

    /// Sets the password.
    pub fn password(mut self, value: impl Into<String>) -> Self {
        self.facts.secrets.password = Some(value.into());
        self
    }

    /// Sets the token (`auth_token`).
    pub fn token(mut self, value: impl Into<String>) -> Self {
        self.facts.secrets.token = Some(value.into());
        self
    }

    /// Sets the user JWT.
    pub fn jwt(mut self, value: impl Into<String>) -> Self {
        self.facts.secrets.jwt = Some(value.into());
        self
    }

    /// Sets the public nkey that the client has proved to hold.
    pub fn nkey(mut self, value: impl Into<String>) -> Self {
        self.facts.identity.nkey = Some(value.into());
        self
    }

    /// Sets the method by the host's name for it. Default: the method that follows from the
    /// credentials.
    pub fn method(mut self, value: impl Into<String>) -> Self {
        self.facts.identity.method = Some(value.into());
        self
    }

    /// Presents a verified token of an identity provider.
    ///
    /// The method is `oidc`, and the principal is the proved claim `sub`. `claims` is a JSON
    /// object.
    ///
    /// # Panics
    ///
    /// Panics if `claims` is not a JSON object.
    pub fn oidc(self, issuer: impl Into<String>, claims: &str) -> Self {
        let mut builder = self.method("oidc").proved().issuer(issuer).claims(claims);
        let subject = builder.facts.identity.claims.get("sub");
        builder.facts.identity.principal = subject.and_then(|sub| sub.as_str().map(str::to_owned));
        builder
    }

    /// Sets the claims of a verified token or user JWT: a JSON object.
    ///
    /// # Panics
    ///
    /// Panics if `claims` is not a JSON object.
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

    /// Sets the principal. Default: the nkey, else the user name.
    pub fn principal(mut self, value: impl Into<String>) -> Self {
        self.facts.identity.principal = Some(value.into());
        self
    }

    /// Makes the principal a proved one.
    pub fn proved(mut self) -> Self {
        self.facts.identity.proved = true;
        self
    }

    /// Sets who vouches for the principal.
    pub fn issuer(mut self, value: impl Into<String>) -> Self {
        self.facts.identity.issuer = Some(value.into());
        self
    }

    /// Sets when the credentials expire, in seconds since the Unix epoch.
    pub fn expires_at(mut self, value: u64) -> Self {
        self.facts.identity.expires_at = Some(value);
        self
    }

    /// Adds a group or role.
    pub fn group(mut self, value: impl Into<String>) -> Self {
        self.facts.identity.groups.push(value.into());
        self
    }

    /// Adds a tag of a user JWT whose issuer the host trusts.
    pub fn tag(mut self, value: impl Into<String>) -> Self {
        self.facts.identity.tags.push(value.into());
        self
    }

    /// Sets the role of the scoped signing key that signed the user JWT.
    pub fn role(mut self, value: impl Into<String>) -> Self {
        self.facts.identity.role = Some(value.into());
        self
    }

    /// Adds a hash that the password matches. A test computes no hashes; only `plain:` is compared.
    pub fn password_matches(mut self, value: impl Into<String>) -> Self {
        self.facts.identity.password_hashes.push(value.into());
        self
    }

    /// Adds a hash that the token matches.
    pub fn token_matches(mut self, value: impl Into<String>) -> Self {
        self.facts.identity.token_hashes.push(value.into());
        self
    }

    /// Makes every comparison with a hash fail for this reason, as with a malformed hash.
    pub fn hashing_fails(mut self, value: impl Into<String>) -> Self {
        self.facts.identity.failure = Some(value.into());
        self
    }
}

/// The key-value buckets that the policy is granted.
impl RequestBuilder {
    /// Puts a key and its value into a bucket. All other buckets are empty.
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

    /// Makes every look-up fail for this reason, as when a bucket is not synchronised.
    pub fn look_ups_fail(mut self, reason: impl Into<String>) -> Self {
        self.facts.key_values.failure = Some(reason.into());
        self
    }
}

/// Facts about the connection.
impl RequestBuilder {
    /// Sets the address that the client connects from.
    pub fn client_host(mut self, value: impl Into<String>) -> Self {
        self.facts.client.host = Some(value.into());
        self
    }

    /// Sets the connection's id on its server.
    pub fn client_id(mut self, value: u64) -> Self {
        self.facts.client.id = value;
        self
    }

    /// Sets the user as the server shows it.
    pub fn client_user(mut self, value: impl Into<String>) -> Self {
        self.facts.client.user = Some(value.into());
        self
    }

    /// Sets the connection name.
    pub fn client_name(mut self, value: impl Into<String>) -> Self {
        self.facts.client.name = Some(value.into());
        self
    }

    /// Sets the kind: `Client` or `Leafnode`.
    pub fn client_kind(mut self, value: impl Into<String>) -> Self {
        self.facts.client.kind = Some(value.into());
        self
    }

    /// Sets the transport: `nats`, `websocket` or `mqtt`.
    pub fn client_transport(mut self, value: impl Into<String>) -> Self {
        self.facts.client.transport = Some(value.into());
        self
    }

    /// Sets the MQTT client id.
    pub fn client_mqtt_id(mut self, value: impl Into<String>) -> Self {
        self.facts.client.mqtt_id = Some(value.into());
        self
    }

    /// Sets the language of the client library.
    pub fn client_lang(mut self, value: impl Into<String>) -> Self {
        self.facts.client.lang = Some(value.into());
        self
    }

    /// Sets the version of the client library.
    pub fn client_version(mut self, value: impl Into<String>) -> Self {
        self.facts.client.version = Some(value.into());
        self
    }

    /// Adds a tag of the user JWT.
    pub fn client_tag(mut self, value: impl Into<String>) -> Self {
        self.facts.client.tags.push(value.into());
        self
    }

    /// Sets the `name` of the user JWT.
    pub fn client_name_tag(mut self, value: impl Into<String>) -> Self {
        self.facts.client.name_tag = Some(value.into());
        self
    }

    /// Sets the connection type: `STANDARD`, `WEBSOCKET`, `LEAFNODE`, `MQTT` or `IN_PROCESS`.
    pub fn client_connection_type(mut self, value: impl Into<String>) -> Self {
        self.facts.client.connection_type = Some(value.into());
        self
    }

    /// Sets the version and the cipher suite of TLS, without a client certificate.
    pub fn client_tls(mut self, version: impl Into<String>, cipher: impl Into<String>) -> Self {
        self.facts.client.tls_version = Some(version.into());
        self.facts.client.tls_cipher = Some(cipher.into());
        self
    }

    /// Sets the subject of the TLS certificate, and marks the certificate as verified.
    pub fn certificate_subject(mut self, value: impl Into<String>) -> Self {
        self.facts.certificate.verified = true;
        self.facts.certificate.subject = Some(value.into());
        self
    }

    /// Sets the SHA-256 digest of the TLS certificate, in hexadecimal digits. Does not mark the
    /// certificate as verified.
    pub fn certificate_fingerprint(mut self, value: impl Into<String>) -> Self {
        self.facts.certificate.fingerprint = Some(value.into());
        self
    }

    /// Sets the issuer of the TLS certificate, and marks the certificate as verified.
    pub fn certificate_issuer(mut self, value: impl Into<String>) -> Self {
        self.facts.certificate.verified = true;
        self.facts.certificate.issuer = Some(value.into());
        self
    }

    /// Adds a DNS name of the TLS certificate, and marks the certificate as verified.
    pub fn certificate_dns_name(mut self, value: impl Into<String>) -> Self {
        self.facts.certificate.verified = true;
        self.facts.certificate.dns_names.push(value.into());
        self
    }

    /// Adds an e-mail address of the TLS certificate, and marks the certificate as verified.
    pub fn certificate_email_name(mut self, value: impl Into<String>) -> Self {
        self.facts.certificate.verified = true;
        self.facts.certificate.email_names.push(value.into());
        self
    }

    /// Sets the SPIFFE id of the TLS certificate and adds it as a URI. Marks the certificate as
    /// verified.
    pub fn certificate_spiffe_id(mut self, value: impl Into<String>) -> Self {
        let id = value.into();
        self.facts.certificate.verified = true;
        self.facts.certificate.uri_names.push(id.clone());
        self.facts.certificate.spiffe_id = Some(id);
        self
    }
}

/// Facts about the server and the request.
impl RequestBuilder {
    /// Sets the server's public nkey.
    pub fn server_id(mut self, value: impl Into<String>) -> Self {
        self.facts.server.id = value.into();
        self
    }

    /// Sets the server's name.
    pub fn server_name(mut self, value: impl Into<String>) -> Self {
        self.facts.server.name = value.into();
        self
    }

    /// Sets the address that the server listens on.
    pub fn server_host(mut self, value: impl Into<String>) -> Self {
        self.facts.server.host = value.into();
        self
    }

    /// Sets the server's version.
    pub fn server_version(mut self, value: impl Into<String>) -> Self {
        self.facts.server.version = Some(value.into());
        self
    }

    /// Sets the cluster that the server belongs to.
    pub fn server_cluster(mut self, value: impl Into<String>) -> Self {
        self.facts.server.cluster = Some(value.into());
        self
    }

    /// Adds a tag of the server.
    pub fn server_tag(mut self, value: impl Into<String>) -> Self {
        self.facts.server.tags.push(value.into());
        self
    }

    /// Sets when the host received the request, in seconds since the Unix epoch.
    pub fn now(mut self, value: u64) -> Self {
        self.facts.request.now = value;
        self
    }

    /// Sets the public nkey that the server made for this login.
    pub fn user_nkey(mut self, value: impl Into<String>) -> Self {
        self.facts.request.user_nkey = value.into();
        self
    }

    /// Builds the request.
    pub fn build(mut self) -> Request {
        let identity = &mut self.facts.identity;
        if identity.principal.is_none() {
            let principal = identity.nkey.as_ref().or(identity.username.as_ref());
            identity.principal = principal.cloned();
        }
        Request::from_facts(self.facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Method;

    #[test]
    fn the_method_is_the_strongest_of_what_was_presented() {
        let builder = Request::builder();
        assert_eq!(builder.clone().build().method(), Method::None);
        let builder = builder.username("alice");
        assert_eq!(builder.clone().build().method(), Method::Password);
        assert_eq!(builder.clone().nkey("U").build().method(), Method::Nkey);
        let sentinel = builder.clone().jwt("j");
        assert_eq!(sentinel.clone().build().method(), Method::Jwt);
        assert_eq!(sentinel.clone().password("j").build().method(), Method::Jwt);
        assert_eq!(
            sentinel.clone().password("p").build().method(),
            Method::Password
        );
        assert_eq!(sentinel.token("t").build().method(), Method::Token);
        let other = builder.method("passkey").build().method();
        assert_eq!(other, Method::Other("passkey".to_owned()));
    }

    #[test]
    fn no_password_matches_nothing() {
        let request = Request::builder().username("alice").build();
        assert_eq!(request.password_matches("plain:"), Ok(false));
    }

    #[test]
    fn a_token_is_no_password() {
        let request = Request::builder().token("secret").build();
        assert_eq!(request.password_matches("plain:secret"), Ok(false));
        assert_eq!(request.token_matches("plain:secret"), Ok(true));
    }

    #[test]
    fn comparisons_can_fail() {
        let request = Request::builder().password("secret").build();
        assert!(request.password_matches("secret").is_err());
        let request = Request::builder()
            .password("secret")
            .hashing_fails("too late")
            .build();
        let error = request.password_matches("plain:secret").unwrap_err();
        assert_eq!(error.to_string(), "too late");
    }

    #[test]
    fn debug_shows_no_secret() {
        let builder = Request::builder().password("hunter2").token("hunter2");
        let shown = format!("{builder:?} {:?}", builder.clone().build().secrets());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn questions_are_kept_in_order_under_the_names_of_the_contract() {
        let request = Request::builder().build();
        request.now();
        request.server().cluster();
        request.secrets().jwt();
        assert_eq!(
            request.questions(),
            ["request.now", "server.cluster", "secrets.jwt"]
        );
    }
}
