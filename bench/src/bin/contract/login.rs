//! The measured login and its verdict, in plain types of the host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A login with a fixed sample of the facts that `wit/policy.wit` offers to a policy. Absent facts
/// are not written to JSON.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Login {
    pub(crate) now: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) user_nkey: String,
    pub(crate) client: Client,
    pub(crate) server: Server,
    pub(crate) identity: Identity,
}

/// The connection.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Client {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<String>,
    pub(crate) id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transport: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mqtt_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lang: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connection_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_cipher: Option<String>,
}

/// The server that sent the authorization request.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Server {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
}

/// The client's identity.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Identity {
    pub(crate) method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) principal: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) strength: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<u64>,
    pub(crate) claims: BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nkey: Option<String>,
}

/// The answer of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// A permit for the login.
    Permit(Permit),
    /// A denial of the login.
    Deny(String),
    /// An abstention: the next policy decides.
    Abstain,
}

/// The permissions of a permitted login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Permit {
    pub(crate) account: String,
    pub(crate) user_name: Option<String>,
    pub(crate) publish_allow: Vec<String>,
    pub(crate) subscribe_allow: Vec<String>,
    pub(crate) expires_in: Option<u64>,
}

impl Login {
    /// Returns a login with only the facts that the policy decides by. A record can hold no less,
    /// and every server sends more.
    pub(crate) fn small() -> Self {
        let identity = Identity {
            method: "oidc".to_owned(),
            username: Some("alice".to_owned()),
            claims: BTreeMap::from([("roles".to_owned(), vec!["reader".to_owned()])]),
            ..Identity::default()
        };
        Self {
            now: 1_800_000_000,
            identity,
            ..Self::default()
        }
    }

    /// Returns the small login with twelve roles.
    pub(crate) fn with_roles() -> Self {
        let mut login = Self::small();
        let roles = (1..=12).map(|number| format!("role-{number}")).collect();
        login.identity.claims.insert("roles".to_owned(), roles);
        login
    }

    /// Returns a login with forty strings in addition to the names of the claims. It has the facts
    /// that a server sends, and a token as identity providers make them.
    pub(crate) fn large() -> Self {
        let text = |text: &str| Some(text.to_owned());
        let client = Client {
            host: text("192.0.2.17"),
            id: 4711,
            user: text("alice"),
            name: text("orders-frontend-7d9f8b6c54-x2x7p"),
            kind: text("Client"),
            transport: text("nats"),
            lang: text("rust"),
            version: text("0.51.0"),
            connection_type: text("STANDARD"),
            ..Client::default()
        };
        let server = Server {
            id: "NCMQWZ5YQNFZFBHGGD6RRGX4WEPDQJTGGBXNGGHCJWGXHAQQDR5NEJHF".to_owned(),
            name: "nats-1".to_owned(),
            host: "0.0.0.0".to_owned(),
            version: text("2.15.1"),
            cluster: text("east"),
            tags: vec!["region:eu-central-1".to_owned()],
        };
        Self {
            user_nkey: "UAVKBYWR5LNCT6Q4KTE3CWZ4TBWTVJ6ZQ6YM2OZCWNY2RG6KXQ5KYBZD".to_owned(),
            client,
            server,
            identity: large_identity(),
            ..Self::small()
        }
    }

    /// Returns whether the login has more facts than the policy decides by.
    pub(crate) fn is_large(&self) -> bool {
        self.identity.claims.len() > 1
    }

    /// Returns the verdict that every guest must reach.
    pub(crate) fn verdict(&self) -> Verdict {
        let none = Vec::new();
        let roles = self.identity.claims.get("roles").unwrap_or(&none);
        let inbox = std::iter::once("_INBOX.>".to_owned());
        Verdict::Permit(Permit {
            account: "APP".to_owned(),
            user_name: self.identity.username.clone(),
            publish_allow: roles
                .iter()
                .map(|role| format!("orders.{role}.new"))
                .collect(),
            subscribe_allow: inbox
                .chain(roles.iter().map(|role| format!("orders.{role}.>")))
                .collect(),
            expires_in: Some(3600),
        })
    }
}

fn large_identity() -> Identity {
    let claims = [
        ("iss", "https://login.example.com/realms/orders"),
        ("sub", "7a1f0d1e-5d53-4f0c-9d1b-6a0e2f5a3c11"),
        ("aud", "nats"),
        ("azp", "orders-frontend"),
        ("jti", "0f9f0bd4-6f44-4b50-a9fb-6bb5e2a6f2b3"),
        ("typ", "Bearer"),
        ("name", "Alice Example"),
        ("email", "alice@example.com"),
        ("preferred_username", "alice"),
        ("scope", "openid profile email"),
        ("org_unit", "fulfilment"),
        ("roles", "reader"),
    ];
    let groups = [
        "staff", "orders", "returns", "billing", "oncall", "reports", "beta", "berlin",
    ];
    let claims = claims.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
    Identity {
        method: "oidc".to_owned(),
        principal: Some("alice@example.com".to_owned()),
        strength: "proved".to_owned(),
        issuer: Some("https://login.example.com/realms/orders".to_owned()),
        expires_at: Some(1_800_003_600),
        claims: BTreeMap::from(claims),
        groups: groups.map(str::to_owned).to_vec(),
        username: Some("alice".to_owned()),
        ..Identity::default()
    }
}
