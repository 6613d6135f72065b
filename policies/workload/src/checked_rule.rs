//! Rules whose settings are checked.

use std::time::Duration;

use portcullis_sdk::profile::ProfileTemplate;
use portcullis_sdk::template::NameTemplate;

use crate::kind::Kind;
use crate::pattern::Pattern;
use crate::proof::{Proof, TRUST_DOMAIN};

/// The place of templates that stands for the matched name.
pub(crate) const NAME: &str = "name";

/// A rule whose settings are checked.
#[derive(Debug)]
pub(crate) struct CheckedRule {
    /// The rule's place in the settings, for reasons.
    pub(crate) key: String,
    pub(crate) kind: Kind,
    pub(crate) pattern: Pattern,
    pub(crate) issuers: Vec<String>,
    pub(crate) account: Option<NameTemplate>,
    pub(crate) user_name: NameTemplate,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) profile: ProfileTemplate,
}

impl CheckedRule {
    pub(crate) fn can_be_about(&self, proof: &Proof) -> bool {
        match proof {
            Proof::Certificate => self.kind != Kind::ServiceAccount,
            Proof::Token { issuer } => {
                let kind = if issuer.starts_with(TRUST_DOMAIN) {
                    Kind::Spiffe
                } else {
                    Kind::ServiceAccount
                };
                self.kind == kind && self.issuers.contains(issuer)
            }
        }
    }
}
