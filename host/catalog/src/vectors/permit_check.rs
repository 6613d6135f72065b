//! The host's own rules for permits, which a policy and its tests do not know.

use std::fmt;
use std::sync::Arc;

use portcullis_core::{Denial, Permit, PolicyName};
use serde::{Deserialize, Serialize};

/// A login that a test had a policy permit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PermittedLogin {
    /// What the policy grants.
    pub permit: Permit,
    /// The release of the server that the test names.
    pub server_version: Option<String>,
}

/// A check of what tests permit, by the rules that the host holds permits to at a login.
///
/// Policies are proved in a child process, and the host's rules stay in the host: it checks the permits
/// of passing tests once the child has reported them.
#[derive(Clone)]
pub struct PermitCheck(Arc<Check>);

type Check = dyn Fn(&PolicyName, &PermittedLogin) -> Result<(), Denial> + Send + Sync;

impl PermitCheck {
    /// Wraps `check`, which returns the denial that a login gets whose permit breaks a rule.
    pub fn new(
        check: impl Fn(&PolicyName, &PermittedLogin) -> Result<(), Denial> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(check))
    }

    /// Returns the denial that a login gets which `policy` permits so.
    pub(crate) fn check(&self, policy: &PolicyName, login: &PermittedLogin) -> Result<(), Denial> {
        (self.0)(policy, login)
    }
}

impl fmt::Debug for PermitCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PermitCheck")
    }
}
