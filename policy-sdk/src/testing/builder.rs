//! The builder of logins for tests.

mod connection;
mod credentials;
mod setters;

use crate::names::{ClientKind, ConnectionType, Transport};
use crate::request::{Facts, Request};

/// A builder of a [`Request`] for a test.
///
/// By default, the request comes from an ordinary client over plain NATS without credentials, at
/// 2023-11-14 22:13:20 UTC.
///
/// Each method sets the fact that a method of the same name of [`Request`] returns. Names begin
/// with `client_`, `server_` or `certificate_` for the facts of [`Request::client`],
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
        facts.request.now = 1_767_225_600;
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

impl RequestBuilder {
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
    use crate::names::Method;

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
