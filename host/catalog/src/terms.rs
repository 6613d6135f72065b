//! The limits and grants that the operator sets for policies. Settings files cannot exceed them.

use std::num::NonZeroU32;
use std::time::Duration;

use portcullis_engine::{Grants, Limits};
use serde::{Deserialize, Serialize};

/// Maximum values that settings files may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct MaxLimits {
    /// Maxima of the keys under `[limits]`.
    pub limits: Limits,
    /// Maximum of `decisions` under `[instances]`. A value above 1 gives up the isolation of logins
    /// from each other.
    pub decisions_per_instance: NonZeroU32,
}

/// The rights that the operator grants one policy by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyGrants {
    /// Extra rights of the policy.
    pub grants: Grants,
    /// Maximum limits that the policy's settings file may set. `None` applies those of all
    /// policies.
    pub max_limits: Option<MaxLimits>,
}

/// The rights and limits that one policy is loaded with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Terms {
    pub(crate) grants: Grants,
    /// The limits that apply where the settings file sets none.
    pub(crate) limits: Limits,
    pub(crate) max_limits: MaxLimits,
}

/// Grants without maximum limits of their own.
impl From<Grants> for PolicyGrants {
    fn from(grants: Grants) -> Self {
        Self {
            grants,
            max_limits: None,
        }
    }
}

impl MaxLimits {
    /// Maximum of decisions that the operator can allow one instance.
    pub const MAX_DECISIONS: u32 = 1_000_000;
}

/// Default limits that suffice for the policies of this repository with 100,000 users or roles.
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
