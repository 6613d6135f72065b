//! The `[settings]` table of the policy.

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
    /// Default: `scope` and `scp`.
    #[serde(default = "scope_claims")]
    pub scope_claims: Vec<String>,
    /// The claim that names the account. Default: none.
    pub account_claim: Option<String>,
    /// The account of tokens without `account_claim`. May be a template. Default: the policy denies
    /// such tokens.
    pub default_account: Option<String>,
    /// The claims that may hold the user name. The first present one counts. Default: `sub`.
    #[serde(default = "name_claims")]
    pub name_claims: Vec<String>,
    /// The decision about tokens without a scope of these settings. Default: deny.
    #[serde(default)]
    pub without_scope: WithoutScope,
    /// The issuers whose tokens the policy decides. Default: every issuer. If an issuer has a name,
    /// it prefixes the names of its users.
    #[serde(default)]
    pub issuers: Issuers,
    /// The maximum lifetime of a connection. Default: the lifetime of its token.
    #[serde(default, deserialize_with = "portcullis_sdk::duration::optional")]
    pub expires_in: Option<Duration>,
    /// The permissions, by scope or by prefix of scopes: `admin:*`.
    #[serde(default)]
    pub scopes: BTreeMap<String, Profile>,
}

/// The decision about tokens without a scope of these settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutScope {
    /// A denial.
    #[default]
    Deny,
    /// A permit without permissions.
    PermitNothing,
    /// An abstention: the next policy in the chain decides.
    Abstain,
}

fn scope_claims() -> Vec<String> {
    vec!["scope".to_owned(), "scp".to_owned()]
}

fn name_claims() -> Vec<String> {
    vec!["sub".to_owned()]
}
