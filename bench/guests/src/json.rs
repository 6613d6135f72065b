//! The messages of the JSON contract, in the types that an SDK would give to policy authors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Facts, PermitParts, Verdict};

/// A login with all its facts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Login {
    /// The time at which the host received the request, in seconds since the Unix epoch.
    pub now: u64,
    /// The nkey that the server made for the login.
    pub user_nkey: String,
    /// The connection.
    pub client: Client,
    /// The server that sent the authorization request.
    pub server: Server,
    /// The client's identity.
    pub identity: Identity,
}

/// The connection.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Client {
    /// `client.host` of the contract.
    pub host: Option<String>,
    /// `client.id` of the contract.
    pub id: u64,
    /// `client.user` of the contract.
    pub user: Option<String>,
    /// `client.name` of the contract.
    pub name: Option<String>,
    /// `client.kind` of the contract.
    pub kind: Option<String>,
    /// `client.transport` of the contract.
    pub transport: Option<String>,
    /// `client.mqtt-id` of the contract.
    pub mqtt_id: Option<String>,
    /// `client.lang` of the contract.
    pub lang: Option<String>,
    /// `client.version` of the contract.
    pub version: Option<String>,
    /// `client.tags` of the contract.
    pub tags: Vec<String>,
    /// `client.name-tag` of the contract.
    pub name_tag: Option<String>,
    /// `client.connection-type` of the contract.
    pub connection_type: Option<String>,
    /// `client.tls-version` of the contract.
    pub tls_version: Option<String>,
    /// `client.tls-cipher` of the contract.
    pub tls_cipher: Option<String>,
}

/// The server that sent the authorization request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Server {
    /// `server.id` of the contract.
    pub id: String,
    /// `server.name` of the contract.
    pub name: String,
    /// `server.host` of the contract.
    pub host: String,
    /// `server.version` of the contract.
    pub version: Option<String>,
    /// `server.cluster` of the contract.
    pub cluster: Option<String>,
    /// `server.tags` of the contract.
    pub tags: Vec<String>,
}

/// The client's identity.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Identity {
    /// `identity.method` of the contract.
    pub method: String,
    /// `identity.principal` of the contract.
    pub principal: Option<String>,
    /// `identity.strength` of the contract.
    pub strength: String,
    /// `identity.issuer` of the contract.
    pub issuer: Option<String>,
    /// `identity.expires-at` of the contract.
    pub expires_at: Option<u64>,
    /// The answers of `identity.claim` of the contract, by name.
    pub claims: BTreeMap<String, Vec<String>>,
    /// `identity.groups` of the contract.
    pub groups: Vec<String>,
    /// `identity.tags` of the contract.
    pub tags: Vec<String>,
    /// `identity.username` of the contract.
    pub username: Option<String>,
    /// `identity.nkey` of the contract.
    pub nkey: Option<String>,
}

/// A login for an author who needs three facts and leaves the others unparsed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ThreeFacts {
    identity: ThreeOfIdentity,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ThreeOfIdentity {
    method: String,
    username: Option<String>,
    claims: OneClaim,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct OneClaim {
    roles: Vec<String>,
}

/// The permissions of a permitted login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Permit {
    /// The account.
    pub account: String,
    /// The user name.
    pub user_name: Option<String>,
    /// The subjects to publish on.
    pub publish_allow: Vec<String>,
    /// The subjects to subscribe to.
    pub subscribe_allow: Vec<String>,
    /// The lifetime, in seconds.
    pub expires_in: Option<u64>,
}

/// The answer in the form of the JSON contract.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// A permit for the login.
    Permit(Permit),
    /// A denial of the login.
    Deny(String),
    /// An abstention: the next policy decides.
    Abstain,
}

impl From<Login> for Facts {
    fn from(login: Login) -> Self {
        let mut identity = login.identity;
        Self {
            method: identity.method,
            username: identity.username,
            roles: identity.claims.remove("roles").unwrap_or_default(),
        }
    }
}

impl From<ThreeFacts> for Facts {
    fn from(login: ThreeFacts) -> Self {
        Self {
            method: login.identity.method,
            username: login.identity.username,
            roles: login.identity.claims.roles,
        }
    }
}

impl PermitParts for Permit {
    fn new(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            user_name: None,
            publish_allow: Vec::new(),
            subscribe_allow: Vec::new(),
            expires_in: None,
        }
    }

    fn user_name(&mut self, name: String) {
        self.user_name = Some(name);
    }

    fn publish_allow(&mut self, subject: String) {
        self.publish_allow.push(subject);
    }

    fn subscribe_allow(&mut self, subject: String) {
        self.subscribe_allow.push(subject);
    }

    fn expires_in(&mut self, seconds: u64) {
        self.expires_in = Some(seconds);
    }
}

impl From<Verdict<Permit>> for Answer {
    fn from(verdict: Verdict<Permit>) -> Self {
        match verdict {
            Verdict::Permit(permit) => Self::Permit(permit),
            Verdict::Deny(reason) => Self::Deny(reason),
            Verdict::Abstain => Self::Abstain,
        }
    }
}
