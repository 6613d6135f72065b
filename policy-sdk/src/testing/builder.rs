//! The builder of logins for tests.

use crate::names::{ClientKind, ConnectionType, Method, Transport};
use crate::request::{Facts, Request};

/// A builder of a [`Request`] for a test.
///
/// By default, the request comes from an ordinary client over plain NATS without credentials, at
/// 2023-11-14 22:13:20 UTC.
///
/// Each method sets the fact that a method of the same name of [`Request`] returns. Names begin with
/// `client_`, `server_` or `certificate_` for the facts of [`Request::client`],
/// [`Request::server`] and [`Request::certificate`]. Methods that take a list add to it.
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
        facts.client.kind = Some(ClientKind::Client);
        facts.client.transport = Some(Transport::Nats);
        facts.client.connection_type = Some(ConnectionType::Standard);
        Self { facts }
    }
}

/// Defines methods that each set one fact, with an example of each.
///
/// `setter(given) => part.field: form; read, expected` sets `field`. A request that is built with
/// `given` answers `expected` to `read`. The form is `text`, `optional` (a text that a login may
/// lack), `list`, or `value` with a type. `verified` and `verified_list` mark a certificate as
/// verified too.
macro_rules! setters {
    ($(
        $(#[$doc:meta])*
        $setter:ident $given:tt => $part:ident.$field:ident: $form:ident $(($type:ty))?;
        $read:expr, $expected:expr;
    )*) => {
        $(
            setters! {
                @$form $(($type))?
                $setter $part $field
                [
                    $(#[$doc])*
                    ///
                    /// ```
                    /// # use portcullis_sdk::*;
                    #[doc = concat!(
                        "let request = Request::builder().", stringify!($setter), stringify!($given), ".build();"
                    )]
                    #[doc = concat!("assert_eq!(", stringify!($read), ", ", stringify!($expected), ");")]
                    /// ```
                ]
            }
        )*
    };
    (@text $setter:ident $part:ident $field:ident [$($doc:tt)*]) => {
        $($doc)*
        pub fn $setter(mut self, value: impl Into<String>) -> Self {
            self.facts.$part.$field = value.into();
            self
        }
    };
    (@optional $setter:ident $part:ident $field:ident [$($doc:tt)*]) => {
        $($doc)*
        pub fn $setter(mut self, value: impl Into<String>) -> Self {
            self.facts.$part.$field = Some(value.into());
            self
        }
    };
    (@verified $setter:ident $part:ident $field:ident [$($doc:tt)*]) => {
        $($doc)*
        pub fn $setter(mut self, value: impl Into<String>) -> Self {
            self.facts.$part.verified = true;
            self.facts.$part.$field = Some(value.into());
            self
        }
    };
    (@verified_list $setter:ident $part:ident $field:ident [$($doc:tt)*]) => {
        $($doc)*
        pub fn $setter(mut self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
            self.facts.$part.verified = true;
            self.facts.$part.$field.extend(values.into_iter().map(Into::into));
            self
        }
    };
    (@list $setter:ident $part:ident $field:ident [$($doc:tt)*]) => {
        $($doc)*
        pub fn $setter(mut self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
            self.facts.$part.$field.extend(values.into_iter().map(Into::into));
            self
        }
    };
    (@value ($type:ty) $setter:ident $part:ident $field:ident [$($doc:tt)*]) => {
        $($doc)*
        pub fn $setter(mut self, value: $type) -> Self {
            self.facts.$part.$field = value.into();
            self
        }
    };
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
        /// Adds groups or roles.
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

/// Facts about the connection.
impl RequestBuilder {
    setters! {
        /// Sets the address that the client connects from.
        client_host("10.0.0.1") => client.host: optional;
        request.client().host().as_deref(), Some("10.0.0.1");
        /// Sets the connection's id on its server.
        client_id(7) => client.id: value(u64);
        request.client().id(), 7;
        /// Sets the user as the server shows it.
        client_user("alice") => client.user: optional;
        request.client().user().as_deref(), Some("alice");
        /// Sets the connection name.
        client_name("billing") => client.name: optional;
        request.client().name().as_deref(), Some("billing");
        /// Sets the kind of the connection. Default: [`ClientKind::Client`].
        client_kind(ClientKind::Leafnode) => client.kind: value(ClientKind);
        request.client().kind(), Some(ClientKind::Leafnode);
        /// Sets the protocol. Default: [`Transport::Nats`].
        client_transport(Transport::Mqtt) => client.transport: value(Transport);
        request.client().transport(), Some(Transport::Mqtt);
        /// Sets the MQTT client id.
        client_mqtt_id("sensor7") => client.mqtt_id: optional;
        request.client().mqtt_id().as_deref(), Some("sensor7");
        /// Sets the language of the client library.
        client_lang("rust") => client.lang: optional;
        request.client().lang().as_deref(), Some("rust");
        /// Sets the version of the client library.
        client_version("0.51.0") => client.version: optional;
        request.client().version().as_deref(), Some("0.51.0");
        /// Adds tags of the user JWT.
        client_tags(["team:a"]) => client.tags: list;
        request.client().tags(), ["team:a"];
        /// Sets the `name` of the user JWT.
        client_name_tag("sentinel") => client.name_tag: optional;
        request.client().name_tag().as_deref(), Some("sentinel");
        /// Sets the connection type. Default: [`ConnectionType::Standard`].
        client_connection_type(ConnectionType::WebSocket) => client.connection_type: value(ConnectionType);
        request.client().connection_type(), Some(ConnectionType::WebSocket);
    }

    /// Sets the version and the cipher suite of TLS, without a client certificate.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().client_tls("1.3", "TLS_AES_128_GCM_SHA256").build();
    /// assert_eq!(request.client().tls_version().as_deref(), Some("1.3"));
    /// ```
    pub fn client_tls(mut self, version: impl Into<String>, cipher: impl Into<String>) -> Self {
        self.facts.client.tls_version = Some(version.into());
        self.facts.client.tls_cipher = Some(cipher.into());
        self
    }
}

/// Facts about the TLS certificate. All of them but the fingerprint mark it as verified.
impl RequestBuilder {
    setters! {
        /// Sets the SHA-256 digest of the certificate, in hexadecimal digits. Does not mark the
        /// certificate as verified.
        certificate_fingerprint("2bb8…") => certificate.fingerprint: optional;
        request.certificate().fingerprint().as_deref(), Some("2bb8…");
        /// Sets the subject of the certificate, and marks the certificate as verified.
        certificate_subject("CN=alice") => certificate.subject: verified;
        request.certificate().subject().as_deref(), Some("CN=alice");
        /// Sets the issuer of the certificate, and marks the certificate as verified.
        certificate_issuer("CN=ca") => certificate.issuer: verified;
        request.certificate().issuer().as_deref(), Some("CN=ca");
        /// Sets the serial number of the certificate, and marks the certificate as verified.
        certificate_serial("2a") => certificate.serial: verified;
        request.certificate().serial().as_deref(), Some("2a");
        /// Adds DNS names of the certificate, and marks the certificate as verified.
        certificate_dns_names(["a.example"]) => certificate.dns_names: verified_list;
        request.certificate().dns_names(), ["a.example"];
        /// Adds URIs of the certificate, and marks the certificate as verified.
        certificate_uri_names(["urn:a"]) => certificate.uri_names: verified_list;
        request.certificate().uri_names(), ["urn:a"];
        /// Adds e-mail addresses of the certificate, and marks the certificate as verified.
        certificate_email_names(["a@b.example"]) => certificate.email_names: verified_list;
        request.certificate().email_names(), ["a@b.example"];
        /// Adds IP addresses of the certificate, and marks the certificate as verified.
        certificate_ip_names(["10.0.0.1"]) => certificate.ip_names: verified_list;
        request.certificate().ip_names(), ["10.0.0.1"];
    }

    /// Sets the SPIFFE id of the certificate and adds it as a URI. Marks the certificate as
    /// verified.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().certificate_spiffe_id("spiffe://a/b").build();
    /// assert_eq!(request.certificate().uri_names(), ["spiffe://a/b"]);
    /// ```
    pub fn certificate_spiffe_id(mut self, value: impl Into<String>) -> Self {
        let id = value.into();
        self.facts.certificate.spiffe_id = Some(id.clone());
        self.certificate_uri_names([id])
    }

    /// Sets when the certificate begins and ceases to be valid, in seconds since the Unix epoch.
    /// Marks the certificate as verified.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().certificate_validity(1, 2).build();
    /// assert_eq!(request.certificate().not_after(), Some(2));
    /// ```
    pub fn certificate_validity(mut self, not_before: u64, not_after: u64) -> Self {
        self.facts.certificate.verified = true;
        self.facts.certificate.not_before = Some(not_before);
        self.facts.certificate.not_after = Some(not_after);
        self
    }
}

/// Facts about the server and the request.
impl RequestBuilder {
    setters! {
        /// Sets the server's public nkey.
        server_id("NAAA") => server.id: text;
        request.server().id(), "NAAA";
        /// Sets the server's name.
        server_name("east-1") => server.name: text;
        request.server().name(), "east-1";
        /// Sets the address that the server listens on.
        server_host("10.0.0.9") => server.host: text;
        request.server().host(), "10.0.0.9";
        /// Sets the server's version.
        server_version("2.15.1") => server.version: optional;
        request.server().version().as_deref(), Some("2.15.1");
        /// Sets the cluster that the server belongs to.
        server_cluster("east") => server.cluster: optional;
        request.server().cluster().as_deref(), Some("east");
        /// Adds tags of the server.
        server_tags(["region:eu"]) => server.tags: list;
        request.server().tags(), ["region:eu"];
        /// Sets when the host received the request, in seconds since the Unix epoch.
        now(1_800_000_000) => request.now: value(u64);
        request.now(), 1_800_000_000;
        /// Sets the public nkey that the server made for this login.
        user_nkey("UAAA") => request.user_nkey: text;
        request.user_nkey(), "UAAA";
    }

    /// Builds the request.
    ///
    /// ```
    /// use portcullis_sdk::{Method, Request};
    ///
    /// assert_eq!(Request::builder().build().method(), Method::None);
    /// ```
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
        let other = builder.method(Method::from("passkey")).build().method();
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
