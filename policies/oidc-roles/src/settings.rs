//! The `[settings]` table of the policy.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_sdk::issuers::Issuers;
use serde::Deserialize;

/// The `[settings]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The account of logins whose roles name none. May be a template. Default: none.
    pub account: Option<String>,
    /// The claims that hold roles, in order: a text is one role, a list several. Default: `roles`.
    #[serde(default = "role_claims")]
    pub role_claims: Vec<String>,
    /// The claims whose texts hold several roles, separated by spaces. The policy reads them after
    /// `role_claims`. Default: none.
    #[serde(default)]
    pub space_separated_role_claims: Vec<String>,
    /// The claims whose objects have a member for each role. The policy reads them last. Default:
    /// none.
    #[serde(default)]
    pub role_object_claims: Vec<String>,
    /// The claims that may hold the user name. The first present one counts. Default: `sub`.
    #[serde(default = "name_claims")]
    pub name_claims: Vec<String>,
    /// The decision about tokens without a role of these settings. Default: permit nothing.
    #[serde(default)]
    pub without_role: WithoutRole,
    /// The permissions of a side that has denied subjects and no allowed ones. Default: nothing.
    #[serde(default)]
    pub deny_only: DenyOnly,
    /// The issuers whose tokens the policy decides. Default: every issuer. If an issuer has a name,
    /// it prefixes the names of its users.
    #[serde(default)]
    pub issuers: Issuers,
    /// The maximum lifetime of a connection. Default: the lifetime of its token.
    #[serde(
        default,
        alias = "max-expiry",
        deserialize_with = "portcullis_sdk::duration::optional"
    )]
    pub expires_in: Option<Duration>,
    /// The permissions, by role.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
}

policy_support::profile_table! {
    /// The permissions of the holders of a role.
    #[serde(expecting = "a table with `account`, `publish`, `subscribe`, `intents`, `responses` and what bounds a login")]
    pub struct Role {
        /// The account, which takes precedence over the settings' `account`. May be a template.
        pub account: Option<String>,
    }
}

/// The decision about tokens without a role of these settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutRole {
    /// A permit without permissions.
    #[default]
    PermitNothing,
    /// A denial.
    Deny,
    /// An abstention: the next policy in the chain decides.
    Abstain,
}

/// The permissions of a side that has denied subjects and no allowed ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DenyOnly {
    /// Everything except the denied subjects.
    AllowRest,
    /// Nothing.
    #[default]
    AllowNothing,
}

fn role_claims() -> Vec<String> {
    vec!["roles".to_owned()]
}

fn name_claims() -> Vec<String> {
    vec!["sub".to_owned()]
}
