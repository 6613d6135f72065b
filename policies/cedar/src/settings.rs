//! The `[settings]` table of the policy.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_sdk::Method;
use portcullis_sdk::issuers::Issuers;
use portcullis_sdk::profile::Profile;
use serde::Deserialize;

/// The `[settings]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The policies in Cedar. The host fills in the content of `NAME.cedar`.
    #[serde(default)]
    pub cedar_text: String,
    /// The accounts that a login may connect to. The first one that Cedar allows is the login's.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// The methods of the logins that the policy decides. Default: `oidc`.
    #[serde(default = "methods")]
    pub methods: Vec<Method>,
    /// Whether the policy also decides logins whose principal the client only claims. Default:
    /// `false`.
    #[serde(default)]
    pub claimed_logins: bool,
    /// The issuers whose tokens the policy decides; every issuer if empty. If an issuer has a name,
    /// it prefixes the names of its users.
    #[serde(default)]
    pub issuers: Issuers,
    /// The claims that may hold the user name. The first present one counts. Default: `sub`.
    #[serde(default = "name_claims")]
    pub name_claims: Vec<String>,
    /// The claims that policies may read as `principal.claims`, with their types.
    #[serde(default)]
    pub claims: BTreeMap<String, ClaimType>,
    /// The decision about logins that no policy permits to connect. Default: deny.
    #[serde(default)]
    pub without_permit: WithoutPermit,
    /// The maximum lifetime of a connection. Default: the lifetime of what the client presented.
    #[serde(default, deserialize_with = "portcullis_sdk::duration::optional")]
    pub expires_in: Option<Duration>,
    /// The permissions, by profile.
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
}

/// The type of a claim in Cedar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimType {
    /// `String`.
    String,
    /// `Long`: a whole number.
    Long,
    /// `Bool`.
    Bool,
    /// `Set<String>`.
    Strings,
}

/// The decision about logins that no policy permits to connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutPermit {
    /// A denial.
    #[default]
    Deny,
    /// An abstention: the next policy in the chain decides.
    Abstain,
}

fn methods() -> Vec<Method> {
    vec![Method::Oidc]
}

fn name_claims() -> Vec<String> {
    vec!["sub".to_owned()]
}
