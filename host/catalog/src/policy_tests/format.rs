//! The format of a test file.

use std::collections::BTreeMap;
use std::ops::Range;

use portcullis_toml::complaint;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use super::defaults::Misplaced;
use super::{claims, defaults, place};
use crate::access::StatedAccess;

/// Default time of the logins of tests, in seconds since the Unix epoch: the first second of 2026.
/// The SDK's native tests have the same.
pub(crate) const NOW: u64 = 1_767_225_600;

/// The content of `NAME.tests.toml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TestFile {
    pub(super) tests: Vec<Test>,
}

/// One entry of `[[tests]]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Test {
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    #[serde(default = "now")]
    pub(super) now: u64,
    pub(super) fuel: Option<u64>,
    pub(super) login: Login,
    pub(super) permit: Option<Permit>,
    pub(super) deny: Option<String>,
    pub(super) abstain: Option<bool>,
    /// Account of the permit, where the test does not state the whole permit.
    pub(super) account: Option<String>,
    #[serde(default)]
    may_publish: Vec<String>,
    #[serde(default)]
    may_not_publish: Vec<String>,
    #[serde(default)]
    may_subscribe: Vec<String>,
    #[serde(default)]
    may_not_subscribe: Vec<String>,
    #[serde(default)]
    trust_replies: bool,
}

impl TestFile {
    /// Reads a test file. The error has its place in the file, if it has one.
    pub(super) fn parse(text: &str) -> Result<Self, (Option<Range<usize>>, String)> {
        parse(text, |file| {
            defaults::apply(file)?;
            claims::of_tests(file)
        })
        .map_err(|(span, message)| match message.as_str() {
            "missing field `tests`" => (
                None,
                "it has no test: add one under `[[tests]]`, or delete the file".to_owned(),
            ),
            _ => (span, message),
        })
    }
}

impl Test {
    /// Returns the subjects that the login must and must not reach.
    pub(super) fn access(&self) -> StatedAccess<'_> {
        StatedAccess {
            may_publish: &self.may_publish,
            may_not_publish: &self.may_not_publish,
            may_subscribe: &self.may_subscribe,
            may_not_subscribe: &self.may_not_subscribe,
            trust_replies: self.trust_replies,
        }
    }
}

/// Reads a file after `prepare` has changed its tables. The error has its place in the file, if it
/// has one.
pub(crate) fn parse<T: DeserializeOwned>(
    text: &str,
    prepare: impl FnOnce(&mut DeTable<'_>) -> Result<(), Misplaced>,
) -> Result<T, (Option<Range<usize>>, String)> {
    let no_toml = |error: toml::de::Error| (error.span(), complaint(error.message()));
    let mut file = DeTable::parse(text).map_err(no_toml)?;
    prepare(file.get_mut()).map_err(|(span, message)| (Some(span), message))?;
    T::deserialize(Deserializer::from(file)).map_err(|error| {
        let (span, message) = (error.span(), complaint(error.message()));
        // The message about an unknown field names it, and has its span.
        let path = span.as_ref().and_then(|span| place::path_of(text, span));
        let message = match path {
            Some(path) => format!("{path}: {message}"),
            None => message,
        };
        (span, message)
    })
}

/// Returns [`NOW`], as a default for serde.
pub(crate) const fn now() -> u64 {
    NOW
}

/// A client's credentials, and the facts that the host found out about the client. The names are
/// those of the contract, except for `proved` (its `strength`) and `claims` (what its `claim` and
/// the like read). The credentials stand at the top level.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Login {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) token: Option<String>,
    pub(super) jwt: Option<String>,
    pub(super) nkey: Option<String>,
    pub(super) identity: Option<Identity>,
    pub(super) certificate: Option<Certificate>,
    pub(super) client: Client,
    pub(super) server: Server,
    /// The values in the buckets, by bucket and key.
    pub(super) key_value: BTreeMap<String, BTreeMap<String, String>>,
    /// The buckets that the host cannot read.
    pub(super) key_value_unavailable: Vec<String>,
}

/// The values of the contract's interface `identity`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Identity {
    pub(super) method: String,
    pub(super) principal: Option<String>,
    #[serde(default)]
    pub(super) proved: bool,
    pub(super) issuer: Option<String>,
    pub(super) expires_at: Option<u64>,
    #[serde(default)]
    pub(super) claims: Map<String, Value>,
    #[serde(default)]
    pub(super) groups: Vec<String>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) role: Option<String>,
    pub(super) nkey: Option<String>,
}

/// The values of the contract's interface `certificate`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
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

/// The values of the contract's interface `client`.
#[derive(Debug, Deserialize, JsonSchema)]
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
    /// Returns an ordinary connection.
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

/// The values of the contract's interface `server`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Server {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) host: String,
    pub(super) version: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) tags: Vec<String>,
}

/// An expected permit. The account and the permissions are compared completely, and other fields if
/// the test states them.
#[derive(Debug, Deserialize, JsonSchema)]
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
    /// Limits of the account that is to be signed, by name.
    pub(super) account_limits: Option<BTreeMap<String, u64>>,
}

/// The subjects of one side of the permissions: publish or subscribe.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Subjects {
    pub(super) allow: Vec<String>,
    pub(super) deny: Vec<String>,
}

/// Permissions for replies. Zero means the server's default.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Responses {
    pub(super) max: u32,
    pub(super) ttl_ms: u64,
}

/// A part of every day. Each end has the form `HH:MM:SS`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeRange {
    pub(super) start: String,
    pub(super) end: String,
}
