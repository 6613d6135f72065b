//! The form of a test file.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// When tests take place that do not say: the first second of 2026, in seconds since the Unix epoch.
const NOW: u64 = 1_767_225_600;

/// `NAME.tests.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestFile {
    pub(super) tests: Vec<Test>,
}

/// One `[[tests]]`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Test {
    pub(super) name: Spanned<String>,
    #[serde(default = "now")]
    pub(super) now: u64,
    pub(super) fuel: Option<u64>,
    pub(super) login: Login,
    pub(super) permit: Option<Permit>,
    pub(super) deny: Option<String>,
    pub(super) abstain: Option<bool>,
}

const fn now() -> u64 {
    NOW
}

/// What a client presented and what the host found out about it, in the words of the contract. The credentials stand at the top.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Login {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) token: Option<String>,
    pub(super) jwt: Option<String>,
    pub(super) nkey: Option<String>,
    pub(super) identity: Option<Identity>,
    pub(super) certificate: Option<Certificate>,
    pub(super) client: Client,
    pub(super) server: Server,
    /// What is in the buckets, by bucket and key.
    pub(super) key_value: BTreeMap<String, BTreeMap<String, String>>,
    /// The buckets that cannot be looked into.
    pub(super) key_value_unavailable: Vec<String>,
}

/// The interface `identity`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Identity {
    pub(super) method: String,
    pub(super) principal: Option<String>,
    #[serde(default)]
    pub(super) proved: bool,
    pub(super) issuer: Option<String>,
    pub(super) expires_at: Option<u64>,
    #[serde(default)]
    pub(super) claims: toml::Table,
    #[serde(default)]
    pub(super) groups: Vec<String>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) role: Option<String>,
    pub(super) nkey: Option<String>,
}

/// The interface `certificate`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Certificate {
    pub(super) verified: bool,
    pub(super) fingerprint: String,
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) serial: String,
    pub(super) dns_names: Vec<String>,
    pub(super) uri_names: Vec<String>,
    pub(super) email_names: Vec<String>,
    pub(super) ip_names: Vec<String>,
    pub(super) spiffe_id: Option<String>,
    pub(super) not_before: u64,
    pub(super) not_after: u64,
}

/// The interface `client`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Client {
    pub(super) host: Option<String>,
    pub(super) id: u64,
    pub(super) user: Option<String>,
    pub(super) name: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) transport: Option<String>,
    pub(super) mqtt_id: Option<String>,
    pub(super) lang: Option<String>,
    pub(super) version: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) name_tag: Option<String>,
    pub(super) tls_version: Option<String>,
    pub(super) tls_cipher: Option<String>,
}

impl Default for Client {
    /// An ordinary connection.
    fn default() -> Self {
        Self {
            host: Some("127.0.0.1".to_owned()),
            id: 1,
            user: None,
            name: None,
            kind: Some("Client".to_owned()),
            transport: Some("nats".to_owned()),
            mqtt_id: None,
            lang: None,
            version: None,
            tags: Vec::new(),
            name_tag: None,
            tls_version: None,
            tls_cipher: None,
        }
    }
}

/// The interface `server`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Server {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) host: String,
    pub(super) version: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) tags: Vec<String>,
}

/// What has to be permitted. The account and the permissions are compared whole, the rest where something is said of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Permit {
    pub(super) account: String,
    #[serde(default)]
    pub(super) publish: Subjects,
    #[serde(default)]
    pub(super) subscribe: Subjects,
    pub(super) responses: Option<Responses>,
    pub(super) role: Option<String>,
    pub(super) user_name: Option<String>,
    pub(super) expires_at: Option<u64>,
    pub(super) expires_in: Option<u64>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) sources: Option<Vec<String>>,
    pub(super) connection_types: Option<Vec<String>>,
    pub(super) times: Option<Vec<TimeRange>>,
    pub(super) times_location: Option<String>,
    pub(super) proxy_required: Option<bool>,
    pub(super) subscriptions: Option<u32>,
    pub(super) payload: Option<u32>,
}

/// One side of the permissions.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Subjects {
    pub(super) allow: Vec<String>,
    pub(super) deny: Vec<String>,
}

/// Replies: zeroes mean the server's defaults.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Responses {
    pub(super) max: u32,
    pub(super) ttl_ms: u64,
}

/// A part of every day, each end `HH:MM:SS`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeRange {
    pub(super) start: String,
    pub(super) end: String,
}

/// The line of a position, from 1.
pub(super) fn line(text: &str, position: usize) -> usize {
    let before = text.get(..position).unwrap_or(text);
    before.matches('\n').count().saturating_add(1)
}

/// What the reader of TOML objects to, without the value it found: it may be a password.
pub(super) fn complaint(message: &str) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match message.find("expected ") {
        Some(at) if message.starts_with("invalid ") => {
            message.get(at..).unwrap_or_default().to_owned()
        }
        _ => message,
    }
}
