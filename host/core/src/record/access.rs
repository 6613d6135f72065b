//! What a permit allows, in a record.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Allowed, PermissionSubject, Permit, ResponsePermission, SubjectPermission};

/// What a permitted login may do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedAccess {
    /// Account of the login, as the policy named it.
    pub account: String,
    /// Name of the account in the host's configuration. Absent if the policy named it so, or if the
    /// configuration has no name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// Role whose template has the permissions. The subjects below are then without meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// User name that the server shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// Subjects that the login may publish on.
    pub publish: RecordedSubjects,
    /// Subjects that the login may subscribe to.
    pub subscribe: RecordedSubjects,
    /// Permission to reply to received messages. Absent if the login may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responses: Option<RecordedReplies>,
    /// Time at which the server closes the connection, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// Networks that the login may come from. Absent for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<String>>,
    /// Connection types that the login may use. Absent for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_types: Option<Vec<String>>,
    /// Parts of a day in which the login is valid, such as `09:00:00-17:00:00`. Absent for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Vec<String>>,
    /// Time zone of `times`. Absent for that of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times_location: Option<String>,
    /// Whether the client has to connect through a trusted proxy.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub proxy_required: bool,
    /// Maximum number of subscriptions. Absent for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriptions: Option<u32>,
    /// Maximum size of a message, in bytes. Absent for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<u32>,
    /// Limits of the account that is signed, for a request of the kind `account-request`, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub account_limits: BTreeMap<String, u64>,
    /// Tags that the policy put into the user JWT.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// Allowed and denied subjects of one side. Deny wins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct RecordedSubjects {
    /// Allowed subjects. An empty list allows nothing.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Denied subjects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

/// Permission to reply to received messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedReplies {
    /// Maximum number of replies to one message.
    pub max: u32,
    /// Time after the message in which replies are allowed, in milliseconds.
    pub ttl_ms: u64,
}

impl RecordedAccess {
    /// Returns the account by the name that the host's configuration has for it, or else as the
    /// policy named it.
    pub fn account_name(&self) -> &str {
        self.account_name.as_deref().unwrap_or(&self.account)
    }

    /// Returns whether `name` is the account's, in the host's configuration or as the policy named
    /// it.
    pub fn is_account(&self, name: &str) -> bool {
        self.account == name || self.account_name.as_deref() == Some(name)
    }
}

impl From<&Permit> for RecordedAccess {
    fn from(permit: &Permit) -> Self {
        let permissions = permit.permissions();
        let ranges = permit.times().listed();
        let ranges = ranges.map(|range| format!("{}-{}", range.start(), range.end()));
        let account_limits = permit.account_limits().iter();
        let account_limits = account_limits.map(|(limit, max)| (limit.to_string(), *max));
        Self {
            account: permit.account().to_string(),
            account_name: (permit.account_name() != permit.account())
                .then(|| permit.account_name().to_string()),
            role: permit.role().map(str::to_owned),
            user_name: permit.user_name().map(str::to_owned),
            publish: RecordedSubjects::from(&permissions.publish),
            subscribe: RecordedSubjects::from(&permissions.subscribe),
            responses: permissions.responses.map(RecordedReplies::from),
            expires_at: permit.expires_at(),
            sources: listed(permit.sources()),
            connection_types: listed(permit.connection_types()),
            times: (!permit.times().is_any()).then(|| ranges.collect()),
            times_location: permit.times_location().map(str::to_owned),
            proxy_required: permit.requires_proxy(),
            subscriptions: permit.subscriptions(),
            payload: permit.payload(),
            account_limits: account_limits.collect(),
            tags: permit.tags().to_vec(),
        }
    }
}

impl From<&SubjectPermission> for RecordedSubjects {
    fn from(side: &SubjectPermission) -> Self {
        let texts = |subjects: &[PermissionSubject]| {
            let texts = subjects.iter().map(|subject| subject.as_str().to_owned());
            texts.collect()
        };
        Self {
            allow: texts(&side.allow),
            deny: texts(&side.deny),
        }
    }
}

impl From<ResponsePermission> for RecordedReplies {
    fn from(responses: ResponsePermission) -> Self {
        let responses = responses.effective();
        Self {
            max: responses.max,
            ttl_ms: u64::try_from(responses.ttl.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// Returns the listed values as text. `None` for any value.
fn listed<T: ToString>(allowed: &Allowed<T>) -> Option<Vec<String>> {
    let texts = allowed.listed().map(ToString::to_string);
    (!allowed.is_any()).then(|| texts.collect())
}
