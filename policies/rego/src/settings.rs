//! The `[settings]` table of the policy.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The `[settings]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The policy in Rego. The host fills in the content of `NAME.rego`.
    #[serde(default)]
    pub rego_text: String,
    /// The data that the policy reads as `data`. Default: none.
    #[serde(default)]
    pub data: Map<String, Value>,
    /// Whether the policy also decides logins whose principal the client only claims. Default:
    /// `false`.
    #[serde(default)]
    pub claimed_logins: bool,
}
