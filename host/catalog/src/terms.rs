//! What the operator allows policies, whatever the files beside them ask for.

use std::num::NonZeroU32;
use std::time::Duration;

use portcullis_core::PolicyName;
use portcullis_engine::{Grants, Limits};
use serde::{Deserialize, Serialize};

use crate::catalog::CatalogOptions;

/// The highest values that settings files may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct MaxLimits {
    /// Of the keys under `[limits]`.
    pub limits: Limits,
    /// Of `decisions` under `[instances]`. More than one gives up the isolation of logins from each other.
    pub decisions_per_instance: NonZeroU32,
}

/// What the operator gives one policy by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyGrants {
    /// What it may ask for beyond the ordinary.
    pub grants: Grants,
    /// The highest values that its settings file may set. `None` means those of all policies.
    pub max_limits: Option<MaxLimits>,
}

/// What one policy is loaded under.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Terms {
    pub(crate) grants: Grants,
    /// The limits that its settings file does not set.
    pub(crate) limits: Limits,
    pub(crate) max_limits: MaxLimits,
}

/// The same highest limits as all policies have.
impl From<Grants> for PolicyGrants {
    fn from(grants: Grants) -> Self {
        Self {
            grants,
            max_limits: None,
        }
    }
}

impl MaxLimits {
    /// The most decisions that one instance can be allowed.
    pub const MAX_DECISIONS: u32 = 1_000_000;
}

/// Enough for the policies of this repository with 100,000 users or roles.
impl Default for MaxLimits {
    fn default() -> Self {
        Self {
            limits: Limits {
                deadline: Duration::from_secs(1),
                memory: 96 << 20,
                log_lines: 256,
                log_line_bytes: 8 << 10,
                reason_bytes: 8 << 10,
                comparisons: 64,
                ..Limits::MAX
            },
            decisions_per_instance: NonZeroU32::MIN,
        }
    }
}

impl CatalogOptions {
    /// Returns what the policy `name` is loaded under.
    pub(crate) fn terms(&self, name: &PolicyName) -> Terms {
        let granted = self.grants.get(name).cloned().unwrap_or_default();
        let max_limits = granted.max_limits.unwrap_or(self.max_limits);
        Terms {
            grants: granted.grants,
            limits: self.limits.at_most(&max_limits.limits),
            max_limits,
        }
    }
}
