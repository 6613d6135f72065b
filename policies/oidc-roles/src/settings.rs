//! The `[settings]` table, key by key.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_sdk::issuers::Issuers;
use serde::Deserialize;

/// The `[settings]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The account of logins whose roles name none. May be a template.
    pub account: Option<String>,
    /// The claims that hold roles, in order: a text is one role, a list several.
    #[serde(default = "role_claims")]
    pub role_claims: Vec<String>,
    /// The claims whose texts hold several roles with spaces between them. They come after the others.
    #[serde(default)]
    pub space_separated_role_claims: Vec<String>,
    /// The claims whose objects have a member for each role. They come last.
    #[serde(default)]
    pub role_object_claims: Vec<String>,
    /// The claims with the user name: the first that is there counts.
    #[serde(default = "name_claims")]
    pub name_claims: Vec<String>,
    /// What becomes of tokens without a role that is known here.
    #[serde(default)]
    pub without_role: WithoutRole,
    /// What a side may do on which something is denied and nothing allowed.
    #[serde(default)]
    pub deny_only: DenyOnly,
    /// Whose tokens are decided; those of every issuer if empty. With a name for each, the names of their users begin with it.
    #[serde(default)]
    pub issuers: Issuers,
    /// How long a connection lasts; as long as its token if none.
    #[serde(
        default,
        alias = "max-expiry",
        deserialize_with = "portcullis_sdk::duration::optional"
    )]
    pub expires_in: Option<Duration>,
    /// Permissions by role.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
}

portcullis_sdk::profile_table! {
    /// What holders of a role may do.
    #[serde(expecting = "a table with `account`, `publish`, `subscribe`, `responses` and what bounds a login")]
    pub struct Role {
        /// The account, instead of that of the settings. May be a template.
        pub account: Option<String>,
    }
}

/// What becomes of tokens without a role that is known here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutRole {
    /// They connect and can do nothing.
    #[default]
    PermitNothing,
    /// They are refused.
    Deny,
    /// The next policy in the chain decides.
    Abstain,
}

/// What a side may do on which something is denied and nothing allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DenyOnly {
    /// Everything but what is denied.
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
