//! The options of the exchange.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_http::ListenerOptions;

/// The options of the exchange. [`ExchangeOptions::default`] sets the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeOptions {
    /// Maximum lifetime of a user JWT. The token and the permit can end it sooner. Default: 1 h.
    pub max_lifetime: Duration,
    /// Routes that demand a proof of the caller's seed. Default: `/v1/tokens`.
    pub require_proof: BTreeSet<ProofRoute>,
    /// Scope that lets a caller choose its account. Default: `admin:write`.
    pub admin_scope: String,
    /// Origins of web pages that may call the exchange. Default: none, browsers get no answer.
    pub allowed_origins: Vec<String>,
    /// Name of the cookie that may hold the bearer token, for web pages of `allowed_origins`.
    /// Default: none.
    pub token_cookie: Option<String>,
    /// Time limit for one decision. Default: 5 s.
    pub deadline: Duration,
    /// Time limit for one request, with the time that its body takes to arrive. Default: 10 s.
    pub request_timeout: Duration,
    /// Time limit for the head of a request, for a connection without one, and for the client to
    /// read an answer. Default: 5 s.
    pub idle_timeout: Duration,
    /// Maximum age of a connection. The exchange finishes a request in progress and then closes the
    /// connection. Default: 10 min.
    pub max_connection_age: Duration,
    /// Maximum number of decisions in progress. The exchange refuses further requests for a user
    /// JWT. Default: 256.
    pub max_in_flight: usize,
    /// Maximum number of connections. The exchange closes further ones. Default: 4096.
    pub max_connections: usize,
    /// Maximum number of connections of a client address, of an IPv6 client's /64. The exchange
    /// closes further ones. Default: 256.
    pub max_connections_per_address: usize,
    /// Maximum size of a body, in bytes. Default: 8 KiB.
    pub max_body: usize,
    /// Time for which a nonce is valid. Default: 60 s.
    pub nonce_lifetime: Duration,
    /// Maximum number of used nonces in memory. The exchange denies further proofs until one of
    /// them ends. Default: 131,072.
    pub max_used_nonces: usize,
}

/// A route that can demand a proof of the caller's seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProofRoute {
    /// `POST /v1/tokens`.
    Own,
    /// `POST /core/tokens`, in the form of Overmind's connect.
    Core,
    /// `POST /admin/accounts/{name}/tokens`, in the form of Overmind's connect.
    Admin,
}

impl ProofRoute {
    /// All routes.
    pub const ALL: [Self; 3] = [Self::Own, Self::Core, Self::Admin];

    /// Returns the name in the configuration: the path of the route.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "/v1/tokens",
            Self::Core => "/core/tokens",
            Self::Admin => "/admin/accounts/{name}/tokens",
        }
    }
}

impl ExchangeOptions {
    /// Returns the limits of the listener.
    pub(crate) const fn listener(&self) -> ListenerOptions {
        ListenerOptions {
            idle_timeout: self.idle_timeout,
            request_timeout: self.request_timeout,
            max_connection_age: self.max_connection_age,
            max_connections: self.max_connections,
            max_connections_per_address: self.max_connections_per_address,
        }
    }
}

impl Default for ExchangeOptions {
    fn default() -> Self {
        Self {
            max_lifetime: Duration::from_hours(1),
            require_proof: BTreeSet::from([ProofRoute::Own]),
            admin_scope: "admin:write".to_owned(),
            allowed_origins: Vec::new(),
            token_cookie: None,
            deadline: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(5),
            max_connection_age: Duration::from_mins(10),
            max_in_flight: 256,
            max_connections: 4096,
            max_connections_per_address: 256,
            max_body: 8 << 10,
            nonce_lifetime: Duration::from_mins(1),
            max_used_nonces: 1 << 17,
        }
    }
}
