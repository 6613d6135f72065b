//! One login, whose facts the policy queries one by one.

mod certificate;
mod claim;
mod client;
#[cfg(not(target_arch = "wasm32"))]
mod facts;
mod identity;
mod key_value;
mod questions;
mod secrets;
mod server;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use facts::Facts;
#[cfg(target_arch = "wasm32")]
pub(crate) use host::Facts;

use std::fmt;

pub use certificate::Certificate;
pub use claim::ClaimError;
pub(crate) use claim::refuse_in_claim;
pub use client::Client;
pub use identity::Strength;
use questions::questions;
pub use secrets::Secrets;
pub use server::Server;

/// One login: its client, server and time.
///
/// The host does not pass a request as a whole: every method queries the host for one fact. An
/// answer stays the same for the whole decision; keep it if you need it twice.
///
/// Most of what the server says about the connection is the client's own claim (see [`Client`]).
/// The identity is proved as far as [`strength`](Self::strength) says. These facts are always
/// proved:
///
/// - claims, groups, tags and the [`role`](Self::role);
/// - the [`nkey`](Self::nkey) and the [`certificate`](Self::certificate);
/// - the results of [`password_matches`](Self::password_matches) and
///   [`token_matches`](Self::token_matches).
///
/// # Testing
///
/// In a native test, [`Request::builder`] makes a request that answers from the values given to the
/// builder.
///
/// # Example
///
/// ```
/// use portcullis_sdk::{Method, Request};
///
/// let request = Request::builder()
///     .username("alice")
///     .password("secret")
///     .client_host("10.0.0.1")
///     .build();
/// assert_eq!(request.method(), Method::Password);
/// assert_eq!(request.username().as_deref(), Some("alice"));
/// assert_eq!(request.client().host().as_deref(), Some("10.0.0.1"));
/// assert_eq!(request.password_matches("plain:secret"), Ok(true));
/// ```
pub struct Request {
    facts: Facts,
}

impl Request {
    questions! { request:
        /// Returns when the host received the request, in seconds since the Unix epoch. A policy
        /// has no other clock.
        now -> u64 => [now(1_800_000_000)] request.now(), 1_800_000_000;
        /// Returns the public nkey (`U…`) that the server made for this login.
        user_nkey -> String => [user_nkey("UAAA")] request.user_nkey(), "UAAA";
    }

    /// Returns the facts that the server sends about the connection.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().client_name("billing").build();
    /// assert_eq!(request.client().name().as_deref(), Some("billing"));
    /// ```
    pub const fn client(&self) -> Client<'_> {
        Client { facts: &self.facts }
    }

    /// Returns the client's TLS certificate.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().certificate_subject("CN=alice").build();
    /// assert!(request.certificate().verified());
    /// ```
    pub const fn certificate(&self) -> Certificate<'_> {
        Certificate { facts: &self.facts }
    }

    /// Returns the server that sent the authorization request.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().server_cluster("east").build();
    /// assert_eq!(request.server().cluster().as_deref(), Some("east"));
    /// ```
    pub const fn server(&self) -> Server<'_> {
        Server { facts: &self.facts }
    }

    /// Returns the secrets that the client presented, in the clear.
    ///
    /// Only a policy to which the operator grants `secrets` (`[policies.grants.NAME]` in
    /// `portcullis.toml`) may use them; the host rejects a module that imports them without the
    /// grant. Prefer [`password_matches`](Self::password_matches) and
    /// [`token_matches`](Self::token_matches), which need no grant.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().password("secret").build();
    /// assert_eq!(request.secrets().password().as_deref(), Some("secret"));
    /// ```
    pub const fn secrets(&self) -> Secrets<'_> {
        Secrets { facts: &self.facts }
    }
}

impl fmt::Debug for Request {
    /// Shows no fact: some facts are secrets, and reading one would query the host.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Request").finish_non_exhaustive()
    }
}

#[cfg(target_arch = "wasm32")]
mod host {
    /// The facts of a login, which the host holds.
    #[derive(Debug)]
    pub(crate) struct Facts;

    impl super::Request {
        /// Returns the login that the host is deciding.
        pub(crate) const fn from_host() -> Self {
            Self { facts: Facts }
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Request {
    pub(crate) const fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(crate) const fn from_facts(facts: Facts) -> Self {
        Self { facts }
    }

    /// Returns the queries so far, in order, as the contract names them: `client.host`,
    /// `identity.password-matches`. Exists outside wasm32 only.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().build();
    /// request.client().mqtt_id();
    /// assert_eq!(request.questions(), ["client.mqtt-id"]);
    /// ```
    pub fn questions(&self) -> Vec<String> {
        self.facts.questions()
    }
}
