//! The `[settings]` table, key by key.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_sdk::profile::{Profile, Responses, Subjects, optional_duration};
use serde::Deserialize;

/// The `[settings]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The account of logins whose roles name none.
    pub account: Option<String>,
    /// Where a token has roles, in this order.
    #[serde(default = "role_claims")]
    pub role_claims: Vec<String>,
    /// Where it has them in one text with spaces between.
    #[serde(default)]
    pub space_separated_role_claims: Vec<String>,
    /// Where it has the user's name: the first that is there.
    #[serde(default = "name_claims")]
    pub name_claims: Vec<String>,
    /// What becomes of logins without a role that is listed here.
    #[serde(default)]
    pub without_role: WithoutRole,
    /// What a side means on which something is denied and nothing allowed.
    #[serde(default)]
    pub deny_only: DenyOnly,
    /// The issuers whose tokens are decided here; all if empty.
    #[serde(default)]
    pub issuers: Vec<String>,
    /// How long a connection lasts at most; as long as its token if none.
    #[serde(default, deserialize_with = "optional_duration")]
    pub expires_in: Option<Duration>,
    /// Networks to come from; anywhere if empty.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Types of connection; any if empty.
    #[serde(default)]
    pub connection_types: Vec<String>,
    /// Roles by name.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
}

/// What becomes of logins without a known role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutRole {
    /// They are let in and can do nothing.
    #[default]
    PermitNothing,
    /// They are refused.
    Deny,
    /// The next policy in the chain decides.
    Abstain,
}

/// What a side means on which something is denied and nothing allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DenyOnly {
    /// Everything else is allowed.
    #[default]
    AllowRest,
    /// Nothing is.
    AllowNothing,
}

/// What a role grants.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table with `publish`, `subscribe`, `responses` and `account`"
)]
pub struct Role {
    /// Subjects to publish on.
    #[serde(default)]
    pub publish: Subjects,
    /// Subjects to subscribe to, optionally `subject queue`.
    #[serde(default)]
    pub subscribe: Subjects,
    /// Permission to answer messages received.
    pub responses: Option<Responses>,
    /// The account that the role is for.
    pub account: Option<String>,
}

impl Settings {
    /// What bounds every login.
    pub(crate) fn bounds(&self) -> Profile {
        Profile {
            sources: self.sources.clone(),
            connection_types: self.connection_types.clone(),
            ..Profile::default()
        }
    }
}

impl Role {
    pub(crate) fn profile(&self) -> Profile {
        Profile {
            publish: self.publish.clone(),
            subscribe: self.subscribe.clone(),
            responses: self.responses,
            ..Profile::default()
        }
    }
}

fn role_claims() -> Vec<String> {
    vec!["roles".to_owned()]
}

fn name_claims() -> Vec<String> {
    ["email", "sub"].map(str::to_owned).to_vec()
}
