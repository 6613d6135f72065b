//! Checks of permits by the host's own rules, which a policy and its tests do not know.

use std::fmt;
use std::sync::Arc;

use portcullis_core::{Denial, Permit, PolicyName};
use serde::{Deserialize, Serialize};

/// A login that a policy permits in a test.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PermittedLogin {
    /// The permit of the policy.
    pub permit: Permit,
    /// The server version that the test names.
    pub server_version: Option<String>,
}

/// A check of the permits of tests by the rules that the host applies at a login.
///
/// A child process proves policies, but the host's rules stay in the host. The host checks the
/// permits of passing tests after the child has reported them.
#[derive(Clone)]
pub struct PermitCheck(Arc<Check>);

type Check = dyn Fn(&PolicyName, &PermittedLogin) -> Result<(), Denial> + Send + Sync;

impl PermitCheck {
    /// Wraps `check`, which returns the denial of a login whose permit breaks a rule.
    pub fn new(
        check: impl Fn(&PolicyName, &PermittedLogin) -> Result<(), Denial> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(check))
    }

    /// Returns the denial of a login whose permit by `policy` breaks a rule.
    pub(crate) fn check(&self, policy: &PolicyName, login: &PermittedLogin) -> Result<(), Denial> {
        (self.0)(policy, login)
    }
}

impl fmt::Debug for PermitCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PermitCheck")
    }
}
