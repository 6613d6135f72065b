//! The options of the resolver.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::Secret;
use portcullis_http::{ListenerOptions, Refreshed};

use crate::activations::ActivationLimits;

/// The options of the resolver. [`ResolverOptions::default`] sets the defaults.
#[derive(Clone, Debug)]
pub struct ResolverOptions {
    /// Bearer token that `POST`, `pack` and `notify` demand. Default: none. Every client may then
    /// store JWTs that the operator signed, and no client may use `notify`.
    pub bearer: Option<Arc<Refreshed<Secret>>>,
    /// Whether requests over NATS that the operator signed delete accounts. Default: false.
    pub allow_delete: bool,
    /// Whether activation tokens are stored and served. Default: false.
    pub activations: bool,
    /// Maximum numbers of activation tokens. Default: those of [`ActivationLimits::default`].
    pub activation_limits: ActivationLimits,
    /// Origins of web pages that may call the resolver. Default: none.
    pub allowed_origins: Vec<String>,
    /// Delay before an announcement that a server has not confirmed is repeated. The delay doubles
    /// with each attempt, up to 1 min. Default: 1 s.
    pub announce_delay: Duration,
    /// Interval at which versions of other processes are looked for. Default: 5 s.
    pub change_interval: Duration,
    /// Interval at which the versions of other resolvers are fetched. Default: 1 min, as of
    /// nats-server.
    pub sync_interval: Duration,
    /// Maximum number of account JWTs in one pack. Default: 10,000.
    pub max_pack: usize,
    /// Maximum size of a body, in bytes. Default: 1 MiB, the largest JWT that servers read.
    pub max_body: usize,
    /// Maximum number of `POST` requests in a second from one client address, of an IPv6 client
    /// from its /64. Default: 50.
    pub max_writes_per_second: u32,
    /// Time limit for one request, with the time that its body takes to arrive. Default: 10 s.
    pub request_timeout: Duration,
    /// Time limit for the head of a request, for a connection without one, and for the client to
    /// read an answer. Default: 5 s.
    pub idle_timeout: Duration,
    /// Maximum age of a connection. The resolver finishes a request in progress and then closes the
    /// connection. Default: 10 min.
    pub max_connection_age: Duration,
    /// Maximum number of connections. The resolver closes further ones. Default: 1024.
    pub max_connections: usize,
    /// Maximum number of connections of a client address, of an IPv6 client's /64. The resolver
    /// closes further ones. Default: 256.
    pub max_connections_per_address: usize,
}

impl ResolverOptions {
    /// Returns the limits of the listener.
    pub(super) const fn listener(&self) -> ListenerOptions {
        ListenerOptions {
            idle_timeout: self.idle_timeout,
            request_timeout: self.request_timeout,
            max_connection_age: self.max_connection_age,
            max_connections: self.max_connections,
            max_connections_per_address: self.max_connections_per_address,
        }
    }
}

impl Default for ResolverOptions {
    fn default() -> Self {
        Self {
            bearer: None,
            allow_delete: false,
            activations: false,
            activation_limits: ActivationLimits::default(),
            allowed_origins: Vec::new(),
            announce_delay: Duration::from_secs(1),
            change_interval: Duration::from_secs(5),
            sync_interval: Duration::from_mins(1),
            max_pack: 10_000,
            max_body: portcullis_claims::MAX_TOKEN_SIZE,
            max_writes_per_second: 50,
            request_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(5),
            max_connection_age: Duration::from_mins(10),
            max_connections: 1024,
            max_connections_per_address: 256,
        }
    }
}
