//! One login, as the server describes it.

use crate::{Identity, Secret};

/// What a server asks: may this connection come in, and what may it do?
///
/// The claims of an authorization request (ADR-26) after the host has verified them. Times are seconds since
/// the Unix epoch.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// The public nkey (`U…`) the server made for this login; subject of the user JWT.
    pub user_nkey: String,
    /// The server that asks.
    pub server: Server,
    /// The connection it asks about.
    pub client: Client,
    /// What the client presented.
    pub credentials: Credentials,
    /// Who asks, as far as the host could prove it.
    pub identity: Identity,
    /// When the host received the request. Policies know no other clock.
    pub received_at: u64,
}

/// The server that asks (`server_id`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// The server's public nkey (`N…`); audience of the response.
    pub id: String,
    /// The configured name.
    pub name: String,
    /// The address it listens on.
    pub host: String,
    /// The version, for example `2.15.1`.
    pub version: Option<String>,
    /// The cluster it belongs to.
    pub cluster: Option<String>,
    /// The configured tags.
    pub tags: Vec<String>,
}

/// The connection asked about (`client_info`, and what `connect_opts` says of the library). Claimed by
/// the client, but for `host`, `id`, `kind` and `transport`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The client's address, without port.
    pub host: Option<String>,
    /// The connection's id on its server.
    pub id: u64,
    /// The user as the server shows it. Never a token: servers before 2.11.7 put a bare token here, which
    /// the decoder replaces by `[REDACTED]` as later servers do.
    pub user: Option<String>,
    /// The connection name.
    pub name: Option<String>,
    /// `Client` or `Leafnode`.
    pub kind: Option<String>,
    /// `nats`, `websocket` or `mqtt` (the field `type`).
    pub transport: Option<String>,
    /// The MQTT client id.
    pub mqtt_id: Option<String>,
    /// The client library's language.
    pub lang: Option<String>,
    /// The client library's version.
    pub version: Option<String>,
    /// Tags of the user JWT presented (operator mode).
    pub tags: Vec<String>,
    /// The `name` of the user JWT presented (operator mode).
    pub name_tag: Option<String>,
    /// The nonce a signature covers.
    pub nonce: Option<String>,
    /// The client's TLS connection; none without TLS, and none if TLS ends before the server.
    pub tls: Option<ClientTls>,
}

/// A client's TLS connection, as the server describes it (`client_tls`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// The protocol's version, for example `1.3`.
    pub version: String,
    /// The cipher suite. Its spelling changed with nats-server 2.12.
    pub cipher: String,
    /// Whether the server verified the client's certificate.
    pub verified: bool,
    /// The client's certificates in PEM, each chain with the leaf first. Chains the server built and verified or, if
    /// [`verified`](Self::verified) is false, one chain as the client sent it; empty without a certificate.
    pub chains: Vec<Vec<String>>,
}

/// What the client presented (`connect_opts`).
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The user name.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The bare token (`auth_token`).
    pub token: Option<Secret>,
    /// The user JWT.
    pub jwt: Option<Secret>,
    /// The public nkey.
    pub nkey: Option<String>,
    /// The signature over the nonce.
    pub signature: Option<Secret>,
}

/// How a client authenticates.
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
    /// A signed token of an identity provider that the host verified (`OpenID` Connect, OAuth 2, Kubernetes), wherever it
    /// was presented.
    Oidc,
    /// Nothing but a TLS certificate, which the server verified.
    Certificate,
    /// Nothing was presented.
    #[default]
    None,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Password,
        Self::Token,
        Self::Jwt,
        Self::Nkey,
        Self::Oidc,
        Self::Certificate,
        Self::None,
    ];

    /// The name policies and logs use.
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
    /// How the client authenticates: the strongest of what it presented.
    ///
    /// A password or a token counts for more than a user JWT beside it. In operator mode a client without a JWT is not let
    /// near auth callout at all, so the JWT is then the sentinel that everybody has. An MQTT client's JWT comes as its
    /// password too and stays a JWT.
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
            nkey: text("nkey"),
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
            // The JWT of a sentinel.
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
