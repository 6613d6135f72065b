//! A login in a few words, for an application's account.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DecisionRecord, LoginOutcome, RecordedVerdict};

/// Maximum length of a text in an event, in bytes. The rest of a longer one is left out.
const MAX_TEXT: usize = 1024;

/// A decided login, reduced for an application: no claims, no rights and no policies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LoginEvent {
    /// Version of this format, [`FORMAT`](Self::FORMAT). Members can be added within a version.
    pub format: u32,
    /// Id of the decision record of the login.
    pub id: String,
    /// Time of the decision, in UTC, such as `2026-11-29T03:12:07.123Z`.
    pub time: String,
    /// Account of the login. For a denial, the account that receives denials.
    pub account: String,
    /// The client's name, as far as the host knows it: proved for a permitted login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The decision of the host.
    pub verdict: RecordedVerdict,
    /// What became of the login.
    pub outcome: LoginOutcome,
    /// Method of authentication.
    pub method: String,
    /// Name of the connection, which the client chose, or its MQTT client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Name of the server that the client connected to.
    pub server: String,
    /// Address of the client. Only with `address = true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl LoginEvent {
    /// The version of the format that this crate writes.
    pub const FORMAT: u32 = 1;

    /// Returns the event of a login for `account`, without the address of the client.
    pub fn new(record: &DecisionRecord, account: &str) -> Self {
        let (client, server) = (&record.login.client, &record.login.server);
        Self {
            format: Self::FORMAT,
            id: record.id.clone(),
            time: record.time.clone(),
            account: cut(account),
            user: record.user().map(cut),
            verdict: record.verdict,
            outcome: record.outcome,
            method: cut(&record.login.identity.method),
            client: client.name.as_ref().or(client.mqtt_id.as_ref()).map(cut),
            server: cut(&server.name),
            address: None,
        }
    }

    /// Adds the address of the client.
    #[must_use]
    pub fn with_address(self, record: &DecisionRecord) -> Self {
        let address = record.login.client.host.as_ref().map(cut);
        Self { address, ..self }
    }

    /// Returns the JSON Schema of events.
    pub fn schema() -> Value {
        let generator = SchemaSettings::draft07().into_generator();
        generator.into_root_schema_for::<Self>().to_value()
    }
}

/// Returns the beginning of a text.
fn cut(text: impl AsRef<str>) -> String {
    let text = text.as_ref();
    let end = text.floor_char_boundary(MAX_TEXT);
    text.get(..end).unwrap_or_default().to_owned()
}
