//! The `[settings]` table, key by key.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_sdk::issuers::Issuers;
use portcullis_sdk::profile::Profile;
use serde::Deserialize;

/// The `[settings]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The claims that hold scopes, in order: texts with spaces between the scopes, or lists.
    #[serde(default = "scope_claims")]
    pub scope_claims: Vec<String>,
    /// The claim that names the account.
    pub account_claim: Option<String>,
    /// The account of tokens without that claim; they are refused if none. May be a template.
    pub default_account: Option<String>,
    /// The claims with the user name: the first that is there counts.
    #[serde(default = "name_claims")]
    pub name_claims: Vec<String>,
    /// What becomes of tokens without a scope that is known here.
    #[serde(default)]
    pub without_scope: WithoutScope,
    /// Whose tokens are decided; those of every issuer if empty. With a name for each, the names of their users begin with it.
    #[serde(default)]
    pub issuers: Issuers,
    /// How long a connection lasts; as long as its token if none.
    #[serde(default, deserialize_with = "portcullis_sdk::duration::optional")]
    pub expires_in: Option<Duration>,
    /// Permissions by scope, or by the beginning of scopes: `admin:*`.
    #[serde(default)]
    pub scopes: BTreeMap<String, Profile>,
}

/// What becomes of tokens without a scope that is known here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutScope {
    /// They are refused.
    #[default]
    Deny,
    /// They connect and can do nothing.
    PermitNothing,
    /// The next policy in the chain decides.
    Abstain,
}

fn scope_claims() -> Vec<String> {
    vec!["scope".to_owned(), "scp".to_owned()]
}

fn name_claims() -> Vec<String> {
    vec!["sub".to_owned()]
}
