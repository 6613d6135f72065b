//! One login, asked about fact by fact.

mod certificate;
mod client;
mod identity;
mod server;

#[cfg(target_arch = "wasm32")]
pub(crate) use host::Facts;

use std::fmt;

pub use certificate::Certificate;
pub use client::Client;
pub use identity::{Method, Secrets, Strength};
pub use server::Server;

#[cfg(not(target_arch = "wasm32"))]
use crate::testing::{Facts, RequestBuilder};

/// One login: who asks, from where, when.
///
/// A request is asked, not handed over: every method is a question to the host, and only what a policy
/// asks for crosses. An answer is the same for the whole decision; ask once and keep it if you need it twice.
///
/// What the server says of the connection is the client's own claim for the most part (see [`Client`]). Who is asking is as proved as
/// [`strength`](Self::strength) says; claims, groups and tags, the [`nkey`](Self::nkey) and the [`certificate`](Self::certificate) are
/// always proved, and so is what a comparison says ([`password_matches`](Self::password_matches),
/// [`token_matches`](Self::token_matches)).
///
/// # Testing
///
/// In a native test a request is made by [`Request::builder`] and answers from what the builder was
/// given.
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

/// Defines methods that ask the host for one fact each, or the facts of a test for the field of the
/// same name.
macro_rules! questions {
    ($interface:ident: $($(#[$doc:meta])* $fact:ident -> $answer:ty;)*) => {
        $(
            $(#[$doc])*
            pub fn $fact(&self) -> $answer {
                #[cfg(target_arch = "wasm32")]
                {
                    let crate::request::Facts = self.facts;
                    crate::bindings::portcullis::policy::$interface::$fact()
                }
                #[cfg(not(target_arch = "wasm32"))]
                {
                    self.facts
                        .asked(concat!(stringify!($interface), ".", stringify!($fact)));
                    self.facts.$interface.$fact.clone()
                }
            }
        )*
    };
}
use questions;

impl Request {
    questions! { request:
        /// When the host received the request, in seconds since the Unix epoch. The only clock a policy has.
        now -> u64;
        /// The public nkey (`U…`) the server made for this login.
        user_nkey -> String;
    }

    /// What the server says about the connection.
    pub const fn client(&self) -> Client<'_> {
        Client { facts: &self.facts }
    }

    /// The client's TLS certificate.
    pub const fn certificate(&self) -> Certificate<'_> {
        Certificate { facts: &self.facts }
    }

    /// The server that asks.
    pub const fn server(&self) -> Server<'_> {
        Server { facts: &self.facts }
    }

    /// The secrets the client presented, in the clear. Only a policy with the grant `secrets` in its
    /// settings file may ask; a module that asks without it is not put in service.
    ///
    /// Prefer [`password_matches`](Self::password_matches) and [`token_matches`](Self::token_matches), which
    /// need no grant.
    pub const fn secrets(&self) -> Secrets<'_> {
        Secrets { facts: &self.facts }
    }
}

impl fmt::Debug for Request {
    /// Shows nothing: some facts are secrets, and showing one is asking for it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Request").finish_non_exhaustive()
    }
}

#[cfg(target_arch = "wasm32")]
mod host {
    /// The facts are the host's.
    #[derive(Debug)]
    pub(crate) struct Facts;

    impl super::Request {
        /// The login that the host is asking about.
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

    /// A request for a test. Outside wasm32 only.
    pub fn builder() -> RequestBuilder {
        RequestBuilder::default()
    }

    pub(crate) const fn from_facts(facts: Facts) -> Self {
        Self { facts }
    }

    /// The questions asked so far, in order, as the contract names them: `client.host`,
    /// `identity.password-matches`. Outside wasm32 only.
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
