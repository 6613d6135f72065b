//! The format of `assertions.toml`.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;

use super::problem::ClaimProblem;
use crate::access::StatedAccess;
use crate::policy_tests::{self, Login};

/// The content of `assertions.toml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Time of the logins, in seconds since the Unix epoch.
    #[serde(default = "policy_tests::now")]
    pub(super) now: u64,
    /// The logins of the file, by name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Login>")]
    pub(super) logins: BTreeMap<Spanned<String>, Login>,
    #[serde(default)]
    pub(super) assertions: Vec<Assertion>,
}

/// One entry of `[[assertions]]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Assertion {
    /// The name that a failure is reported under.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// The logins that the assertion is about.
    pub(super) logins: Option<Vec<String>>,
    /// The logins that the assertion is not about: no other login may do what it states.
    pub(super) only: Option<Vec<String>>,
    pub(super) account: Option<String>,
    #[serde(default)]
    pub(super) denied: bool,
    #[serde(default)]
    may_publish: Vec<String>,
    #[serde(default)]
    may_not_publish: Vec<String>,
    #[serde(default)]
    may_subscribe: Vec<String>,
    #[serde(default)]
    may_not_subscribe: Vec<String>,
    #[serde(default)]
    trust_replies: bool,
}

/// Returns the JSON Schema of `assertions.toml`.
pub fn assertions_schema() -> Value {
    let mut schema = policy_tests::schema_with_logins::<File>("Assertion");
    let login = schema.pointer("/properties/logins/additionalProperties");
    let keys = login.map(|login| Map::from_iter([("login".to_owned(), login.clone())]));
    policy_tests::add_defaults(
        &mut schema,
        keys.unwrap_or_default(),
        "Values of the logins that do not state them.",
    );
    schema
}

impl File {
    /// Reads the file. The error has its place in the file, if it has one.
    pub(super) fn parse(text: &str) -> Result<Self, (Option<Range<usize>>, String)> {
        policy_tests::parse(text, |file| {
            policy_tests::apply_login_defaults(file)?;
            policy_tests::make_claims_json(file)
        })
    }
}

impl Assertion {
    /// Returns the subjects that each login must and must not reach.
    pub(super) fn access(&self) -> StatedAccess<'_> {
        StatedAccess {
            may_publish: &self.may_publish,
            may_not_publish: &self.may_not_publish,
            may_subscribe: &self.may_subscribe,
            may_not_subscribe: &self.may_not_subscribe,
            trust_replies: self.trust_replies,
        }
    }

    /// Returns the subjects that no login outside of `only` may reach.
    pub(super) fn reserved(&self) -> Result<StatedAccess<'_>, ClaimProblem> {
        let is_wrong = !self.may_not_publish.is_empty() || !self.may_not_subscribe.is_empty();
        if is_wrong || self.denied {
            return Err(ClaimProblem::OnlyAndMore);
        }
        Ok(StatedAccess {
            may_not_publish: &self.may_publish,
            may_not_subscribe: &self.may_subscribe,
            trust_replies: self.trust_replies,
            ..StatedAccess::default()
        })
    }
}
