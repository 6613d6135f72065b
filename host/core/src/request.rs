//! Authorization requests: one login, as the server describes it.

use crate::client::Client;
use crate::credentials::Credentials;
use crate::identity::Identity;
use crate::nkey::PublicKey;

/// A server's question about one connection: whether to admit it, and with which permissions.
///
/// Holds the claims of an authorization request (ADR-26) after the host has verified them. Times
/// are in seconds since the Unix epoch.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// Public nkey (`U…`) that the server generated for this login; the subject of the user JWT.
    pub user_nkey: PublicKey,
    /// The server that sent the request.
    pub server: Server,
    /// The connection that the request is about.
    pub client: Client,
    /// The credentials that the client presented.
    pub credentials: Credentials,
    /// Identity of the client, as far as the host can prove it.
    pub identity: Identity,
    /// Time at which the host received the request, in seconds since the Unix epoch. Policies have
    /// no other clock.
    pub received_at: u64,
}

impl AuthorizationRequest {
    /// Creates a request of `server` about a client that presents `credentials`, without facts
    /// about its connection. The credentials prove nothing yet.
    pub fn new(
        user_nkey: PublicKey,
        server: Server,
        credentials: Credentials,
        received_at: u64,
    ) -> Self {
        Self {
            user_nkey,
            server,
            client: Client::default(),
            identity: Identity::claimed(&credentials),
            credentials,
            received_at,
        }
    }
}

/// The server that sent a request (`server_id`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Public nkey of the server (`N…`); the audience of the response.
    pub id: PublicKey,
    /// Configured name of the server.
    pub name: String,
    /// Address that the server listens on.
    pub host: String,
    /// Version of the server, for example `2.15.1`.
    pub version: Option<String>,
    /// Cluster that the server belongs to.
    pub cluster: Option<String>,
    /// Configured tags of the server.
    pub tags: Vec<String>,
}

impl Server {
    /// Returns a server of which only the key is known.
    pub const fn new(id: PublicKey) -> Self {
        Self {
            id,
            name: String::new(),
            host: String::new(),
            version: None,
            cluster: None,
            tags: Vec::new(),
        }
    }
}
