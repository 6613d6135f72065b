//! The facts about a login, in the vocabulary of policy tests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    AuthorizationRequest, Certificate, Client, ClientKind, Identity, PresentedNkey, Server,
    Strength, Transport,
};

/// The facts about a login, in the vocabulary of policy tests (`[tests.login]`), without its
/// secrets: password, token, user JWT and signature.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LoginFacts {
    /// User name that the client presented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Public nkey that the client presented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nkey: Option<String>,
    /// The identity that the host found out.
    pub identity: RecordedIdentity,
    /// TLS certificate of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// The connection.
    pub client: RecordedClient,
    /// The server that asked.
    pub server: RecordedServer,
}

/// The identity of a client.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedIdentity {
    /// Method of authentication.
    pub method: String,
    /// The client's name by that method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Whether the principal is proved, and not only claimed.
    pub proved: bool,
    /// The issuer that vouches for the principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Expiry of the credentials, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// Claims of the token or the user JWT. Only with `facts = "all"`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub claims: Map<String, Value>,
    /// Groups and roles of the token. Only with `facts = "all"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Tags of the user JWT. Only with `facts = "all"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Role of the scoped key that signed the user JWT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Public nkey whose holder the client has proved to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nkey: Option<String>,
}

/// The connection of a client. The first three members are `null` if the server did not say: left
/// out, they would stand for an ordinary connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct RecordedClient {
    /// Address of the client.
    pub host: Option<String>,
    /// `Client`, `Leafnode` or `exchange`.
    pub kind: Option<String>,
    /// `nats`, `websocket` or `mqtt`.
    pub transport: Option<String>,
    /// The server's id of the connection, its `cid`.
    pub id: u64,
    /// User as the server shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Name of the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// MQTT client id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mqtt_id: Option<String>,
    /// Language of the client library. Only with `facts = "all"`, as the members below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// Version of the client library.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Tags of the presented user JWT.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Name in the presented user JWT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_tag: Option<String>,
    /// TLS version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<String>,
    /// TLS cipher suite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cipher: Option<String>,
}

/// The server that asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct RecordedServer {
    /// Public nkey of the server.
    pub id: String,
    /// Name of the server.
    pub name: String,
    /// Address that the server listens on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// Release of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Cluster of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Tags of the server.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl LoginFacts {
    /// Returns all facts about a login.
    pub fn all(request: &AuthorizationRequest) -> Self {
        let (identity, client) = (&request.identity, &request.client);
        let shown = Self::shown(request);
        let names = identity.claims.names();
        let claims = names
            .filter_map(|name| Some((name.to_owned(), identity.claims.get(name)?.clone())))
            .collect();
        Self {
            certificate: identity.certificate.clone(),
            identity: RecordedIdentity {
                claims,
                groups: identity.groups.clone(),
                tags: identity.tags.clone(),
                ..shown.identity
            },
            client: RecordedClient {
                lang: client.lang.clone(),
                version: client.version.clone(),
                tags: client.tags.clone(),
                name_tag: client.name_tag.clone(),
                tls_version: client.tls.as_ref().map(|tls| tls.version.clone()),
                tls_cipher: client.tls.as_ref().map(|tls| tls.cipher.clone()),
                ..shown.client
            },
            ..shown
        }
    }

    /// Returns the facts about a login that the log line of its decision shows too. No claim of a
    /// token is among them, apart from the principal and the issuer.
    pub fn shown(request: &AuthorizationRequest) -> Self {
        let credentials = &request.credentials;
        let nkey = match &credentials.nkey {
            Some(PresentedNkey::Key(key)) => Some(key.to_string()),
            // A text that is no nkey may be a secret in the wrong place.
            _ => None,
        };
        Self {
            username: credentials.username.clone(),
            nkey,
            identity: RecordedIdentity::from(&request.identity),
            certificate: None,
            client: RecordedClient::from(&request.client),
            server: RecordedServer::from(&request.server),
        }
    }
}

impl From<&Identity> for RecordedIdentity {
    /// Returns the facts that the log shows.
    fn from(identity: &Identity) -> Self {
        Self {
            method: identity.method.as_str().to_owned(),
            principal: identity.principal.clone(),
            proved: identity.strength == Strength::Proved,
            issuer: identity.issuer.clone(),
            expires_at: identity.expires_at,
            role: identity.role.clone(),
            nkey: identity.nkey.as_ref().map(ToString::to_string),
            ..Self::default()
        }
    }
}

impl From<&Client> for RecordedClient {
    /// Returns the facts that the log shows.
    fn from(client: &Client) -> Self {
        let kind = client.kind.as_ref().map(ClientKind::as_str);
        let transport = client.transport.as_ref().map(Transport::as_str);
        Self {
            host: client.host.clone(),
            kind: kind.map(str::to_owned),
            transport: transport.map(str::to_owned),
            id: client.id,
            user: client.user.clone(),
            name: client.name.clone(),
            mqtt_id: client.mqtt_id.clone(),
            ..Self::default()
        }
    }
}

impl From<&Server> for RecordedServer {
    fn from(server: &Server) -> Self {
        Self {
            id: server.id.as_str().to_owned(),
            name: server.name.clone(),
            host: server.host.clone(),
            version: server.version.clone(),
            cluster: server.cluster.clone(),
            tags: server.tags.clone(),
        }
    }
}
