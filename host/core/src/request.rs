//! Authorization requests: one login, as the server describes it.

use crate::{AccountName, ClientKind, Identity, PresentedNkey, PublicKey, Secret, Transport};

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

/// The connection that a request is about (`client_info`, and the library's fields of
/// `connect_opts`).
///
/// The server observes `host`, `id`, `kind`, `transport`, `nonce` and `tls`. The client claims the
/// rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Address of the client, without port.
    pub host: Option<String>,
    /// Id of the connection on its server.
    pub id: u64,
    /// User as the server shows it. Never a token: servers before 2.11.7 put a bare token here, and
    /// the decoder replaces it by `[REDACTED]` as later servers do.
    pub user: Option<String>,
    /// Name of the connection.
    pub name: Option<String>,
    /// Kind of the connection.
    pub kind: Option<ClientKind>,
    /// Transport of the connection (the field `type`).
    pub transport: Option<Transport>,
    /// MQTT client id.
    pub mqtt_id: Option<String>,
    /// Language of the client library.
    pub lang: Option<String>,
    /// Version of the client library.
    pub version: Option<String>,
    /// Tags of the presented user JWT (operator mode).
    pub tags: Vec<String>,
    /// Field `name` of the presented user JWT (operator mode).
    pub name_tag: Option<String>,
    /// Nonce that the client's signature covers.
    pub nonce: Option<String>,
    /// TLS connection of the client. `None` without TLS, and if TLS ends in front of the server.
    pub tls: Option<ClientTls>,
    /// Account that a caller of the token exchange asks for. Requests of servers have none.
    pub wanted_account: Option<WantedAccount>,
}

/// The account that a caller of the token exchange asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedAccount {
    /// Account: its name in the host's configuration, or its public nkey (`A…`).
    pub account: AccountName,
    /// Scope of the caller's token that lets the caller choose the account itself. Without the
    /// scope, the policy's account has to be the wanted one.
    pub scope: String,
    /// Whether a caller without the scope is denied before any policy runs.
    pub needs_scope: bool,
}

/// The TLS connection of a client, as the server describes it (`client_tls`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// TLS version, for example `1.3`.
    pub version: String,
    /// Cipher suite. Its spelling changed with nats-server 2.12.
    pub cipher: String,
    /// Whether the server verified the client's certificate.
    pub verified: bool,
    /// Certificates of the client in PEM, each chain with the leaf first. Empty without a
    /// certificate.
    ///
    /// If [`verified`](Self::verified), the chains are those that the server built and verified.
    /// Otherwise, there is one chain, as the client sent it.
    pub chains: Vec<Vec<String>>,
}

/// The credentials that a client presented (`connect_opts`).
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// User name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// Bare token (`auth_token`).
    pub token: Option<Secret>,
    /// User JWT.
    pub jwt: Option<Secret>,
    /// Nkey, which may be any text.
    pub nkey: Option<PresentedNkey>,
    /// Signature over the nonce.
    pub signature: Option<Secret>,
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

/// The method by which a client authenticates. Default: [`None`](Self::None).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// User name and password, or either of them.
    Password,
    /// A bare token.
    Token,
    /// A user JWT.
    Jwt,
    /// An nkey with a signature.
    Nkey,
    /// A signed token of an identity provider (`OpenID` Connect, OAuth 2, Kubernetes) that the host
    /// verified, in any field.
    Oidc,
    /// A TLS certificate that the server verified, and nothing else.
    Certificate,
    /// No credentials.
    #[default]
    None,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 7] = [
        Self::Password,
        Self::Token,
        Self::Jwt,
        Self::Nkey,
        Self::Oidc,
        Self::Certificate,
        Self::None,
    ];

    /// Returns the name that policies and logs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token => "token",
            Self::Jwt => "jwt",
            Self::Nkey => "nkey",
            Self::Oidc => "oidc",
            Self::Certificate => "certificate",
            Self::None => "none",
        }
    }
}

impl Credentials {
    /// Returns the strongest method among the presented credentials.
    ///
    /// A password or a token takes precedence over a user JWT. In operator mode, servers refuse a
    /// client without a JWT before auth callout. A JWT next to a password or token is then the
    /// sentinel that all clients share. An MQTT client presents its JWT as its password too; the
    /// method is then the JWT.
    pub fn method(&self) -> Method {
        let beside_jwt = self.password.as_ref().filter(|_| self.password != self.jwt);
        match (&self.jwt, &self.nkey, &self.token, beside_jwt) {
            (Some(_), _, Some(_), _) | (None, None, Some(_), _) => Method::Token,
            (Some(_), _, None, Some(_)) => Method::Password,
            (Some(_), _, None, None) => Method::Jwt,
            (None, Some(_), _, _) => Method::Nkey,
            (None, None, None, _) if self.username.is_some() || self.password.is_some() => {
                Method::Password
            }
            (None, None, None, _) => Method::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(presented: &[&str]) -> Credentials {
        let secret = |name: &str| presented.contains(&name).then(|| Secret::new(name));
        let text = |name: &str| presented.contains(&name).then(|| name.to_owned());
        Credentials {
            username: text("user"),
            password: secret("pass"),
            token: secret("token"),
            jwt: secret("jwt"),
            nkey: text("nkey").map(PresentedNkey::from),
            signature: secret("sig"),
        }
    }

    #[test]
    fn the_strongest_of_what_was_presented_is_the_method() {
        for (presented, method) in [
            (&[][..], Method::None),
            (&["user"], Method::Password),
            (&["user", "pass"], Method::Password),
            (&["token"], Method::Token),
            (&["user", "pass", "token"], Method::Token),
            (&["nkey", "sig", "user", "pass", "token"], Method::Nkey),
            (&["jwt", "sig"], Method::Jwt),
            (&["jwt", "sig", "nkey", "user"], Method::Jwt),
            // The JWT is a sentinel.
            (&["jwt", "user", "pass"], Method::Password),
            (&["jwt", "sig", "pass"], Method::Password),
            (&["jwt", "sig", "token"], Method::Token),
        ] {
            assert_eq!(credentials(presented).method(), method, "{presented:?}");
        }
    }

    #[test]
    fn a_jwt_in_the_place_of_a_password_is_a_jwt() {
        let mut credentials = credentials(&["user", "jwt"]);
        credentials.password = credentials.jwt.clone();
        assert_eq!(credentials.method(), Method::Jwt);
    }
}
