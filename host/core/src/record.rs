//! The record of one decided login, for audits.
//!
//! A record holds texts and numbers only, and no type of this crate that holds a secret. It is read
//! again by tools of other versions, so its members are only ever added to.

mod access;
mod event;
mod login;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Blame, DenialClass, PolicyRef, PolicyStep};

pub use access::{RecordedAccess, RecordedReplies, RecordedSubjects};
pub use event::LoginEvent;
pub use login::{LoginFacts, RecordedClient, RecordedIdentity, RecordedServer};

/// One decided login: facts about the client, the answers of the policies, the decision and what
/// the server made of it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DecisionRecord {
    /// Version of this format, [`FORMAT`](Self::FORMAT). Members can be added within a version.
    pub format: u32,
    /// Id of the record, unique among all hosts: `host.start` and `host.sequence`.
    pub id: String,
    /// The host that decided.
    pub host: RecordingHost,
    /// Time of the decision, in UTC, such as `2026-11-29T03:12:07.123Z`.
    pub time: String,
    /// Time at which the host received the login, in seconds since the Unix epoch.
    pub received_at: u64,
    /// What became of the login.
    pub outcome: LoginOutcome,
    /// The decision of the host.
    pub verdict: RecordedVerdict,
    /// Class of the denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Reason of the denial, on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The party at fault for a denial that a fault caused: `guest` (a policy) or `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<String>,
    /// The reason for which the server refused a login that the host permitted, in the server's
    /// words. Empty if the server gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_reason: Option<String>,
    /// Public nkey (`U…`) that the server made for this login, the subject of the user JWT.
    pub user_nkey: String,
    /// The facts about the login, in the vocabulary of policy tests.
    pub login: LoginFacts,
    /// The policy that decided. Absent if no policy did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<RecordedPolicy>,
    /// The policies that were asked, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<RecordedAnswer>,
    /// What the signed permit allows, after the host's own rules. Absent for a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<RecordedAccess>,
    /// The result of sending the reply: `sent`, `dropped`, `late`, `given-up` or `lost`.
    pub reply: String,
    /// Reason for which the reply could not be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Time from the arrival of the login to the reply, in microseconds.
    pub elapsed_us: u64,
    /// The id by which a caller of the token exchange knows the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The W3C trace that the request belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// The host that decided a login.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RecordingHost {
    /// Name of the host's connection to the servers.
    pub name: String,
    /// Version of the host.
    pub version: String,
    /// Id of this start of the host: 16 random hexadecimal digits.
    pub start: String,
    /// Number of the login among those that this start of the host has decided, from 1. A number
    /// without a record is a record that was lost.
    pub sequence: u64,
}

/// What became of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LoginOutcome {
    /// The host permitted the login, and the server said of no refusal while it waited for the
    /// reply nor in the second after that.
    Admitted,
    /// The token exchange returned a user JWT. The login with it comes later.
    Issued,
    /// The host denied the login.
    Denied,
    /// The host permitted the login, and the server refused it.
    Rejected,
    /// The host permitted the login after the server had given up or refused it.
    GivenUp,
    /// The host permitted the login and could not send the reply.
    Lost,
    /// The host permitted the login and could not hear whether the server refused it.
    Unconfirmed,
}

/// The decision of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedVerdict {
    /// The host permitted the login.
    Permit,
    /// The host denied the login.
    Deny,
}

/// A version of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedPolicy {
    /// Name of the policy.
    pub name: String,
    /// SHA-256 digest of the module.
    pub digest: String,
    /// SHA-256 digest of the version: module, settings, tests and texts.
    pub version: String,
    /// Number of the version among all that the host has put in service.
    pub generation: u64,
}

/// The answer of one policy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedAnswer {
    /// The version of the policy.
    #[serde(flatten)]
    pub policy: RecordedPolicy,
    /// Whether the policy is a guard, whose permits count as abstentions.
    #[serde(default, skip_serializing_if = "is_false")]
    pub guard: bool,
    /// The answer: `permit`, `deny`, `abstain` or `fail`.
    pub answer: String,
    /// The facts that the policy asked for, each once, such as `identity.claim(roles)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    /// Duration of the evaluation, in microseconds.
    pub elapsed_us: u64,
}

impl DecisionRecord {
    /// The version of the format that this crate writes.
    pub const FORMAT: u32 = 1;

    /// Returns the JSON Schema of records.
    pub fn schema() -> Value {
        let generator = SchemaSettings::draft07().into_generator();
        generator.into_root_schema_for::<Self>().to_value()
    }

    /// Sets the class, the reason and the party at fault of a denial.
    pub fn set_denial(&mut self, class: DenialClass, reason: String) {
        self.class = Some(class.as_str().to_owned());
        self.reason = Some(reason);
        self.blame = class.blame().map(|blame| Blame::as_str(blame).to_owned());
    }

    /// Returns the name of the client, as far as the host knows it: the principal, the user name
    /// that the client presented, or the user that the server shows.
    pub fn user(&self) -> Option<&str> {
        let login = &self.login;
        let names = [
            login.identity.principal.as_deref(),
            login.username.as_deref(),
            login.client.user.as_deref(),
        ];
        names.into_iter().flatten().next()
    }

    /// Returns whether the client is in, as far as the host knows.
    pub const fn is_admitted(&self) -> bool {
        matches!(self.outcome, LoginOutcome::Admitted)
    }
}

impl LoginOutcome {
    /// All outcomes.
    pub const ALL: [Self; 7] = [
        Self::Admitted,
        Self::Issued,
        Self::Denied,
        Self::Rejected,
        Self::GivenUp,
        Self::Lost,
        Self::Unconfirmed,
    ];

    /// Returns the name in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Issued => "issued",
            Self::Denied => "denied",
            Self::Rejected => "rejected",
            Self::GivenUp => "given-up",
            Self::Lost => "lost",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

impl From<&PolicyRef> for RecordedPolicy {
    fn from(policy: &PolicyRef) -> Self {
        Self {
            name: policy.name.as_str().to_owned(),
            digest: policy.digest.to_string(),
            version: policy.version.to_string(),
            generation: policy.generation,
        }
    }
}

impl From<&PolicyStep> for RecordedAnswer {
    fn from(step: &PolicyStep) -> Self {
        Self {
            policy: RecordedPolicy::from(&*step.policy),
            guard: step.is_guard,
            answer: step.answer.as_str().to_owned(),
            asked: step.asked.clone(),
            elapsed_us: u64::try_from(step.elapsed.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes references to such functions"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests;
