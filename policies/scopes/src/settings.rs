//! The `[settings]` table, key by key.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_sdk::profile::{Profile, Responses, Subjects, optional_duration};
use serde::Deserialize;

/// The `[settings]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Where a token has scopes, with spaces between or as an array.
    #[serde(default = "scope_claims")]
    pub scope_claims: Vec<String>,
    /// Where it has the name of the account.
    pub account_claim: Option<String>,
    /// The account of tokens that name none.
    pub default_account: Option<String>,
    /// Where it has the user's name: the first that is there.
    #[serde(default = "name_claims")]
    pub name_claims: Vec<String>,
    /// What becomes of logins without a scope that is listed here.
    #[serde(default)]
    pub without_scope: WithoutScope,
    /// The issuers whose tokens are decided here; all if empty.
    #[serde(default)]
    pub issuers: Vec<String>,
    /// How long a connection lasts at most; as long as its token if none.
    #[serde(default, deserialize_with = "optional_duration")]
    pub expires_in: Option<Duration>,
    /// Scopes by name, or by their beginning and `*`.
    #[serde(default)]
    pub scopes: BTreeMap<String, Scope>,
}

/// What becomes of logins without a known scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutScope {
    /// They are refused.
    #[default]
    Deny,
    /// They are let in and can do nothing.
    PermitNothing,
    /// The next policy in the chain decides.
    Abstain,
}

/// What a scope grants.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table with `publish`, `subscribe` and `responses`"
)]
pub struct Scope {
    /// Subjects to publish on.
    #[serde(default)]
    pub publish: Subjects,
    /// Subjects to subscribe to, optionally `subject queue`.
    #[serde(default)]
    pub subscribe: Subjects,
    /// Permission to answer messages received.
    pub responses: Option<Responses>,
}

impl Scope {
    pub(crate) fn profile(&self) -> Profile {
        Profile {
            publish: self.publish.clone(),
            subscribe: self.subscribe.clone(),
            responses: self.responses,
            ..Profile::default()
        }
    }
}

fn scope_claims() -> Vec<String> {
    ["scope", "scp"].map(str::to_owned).to_vec()
}

fn name_claims() -> Vec<String> {
    vec!["sub".to_owned()]
}
