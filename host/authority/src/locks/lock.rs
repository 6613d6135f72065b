//! The value of a lock.

use serde::{Deserialize, Serialize};

/// The value of a lock in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// End of the lock, in seconds since the Unix epoch. `None` for a lock until it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Reason, for operators.
    #[serde(default)]
    pub reason: String,
}

impl Lock {
    /// Returns whether the lock counts at `now`, in seconds since the Unix epoch.
    pub fn is_closed_at(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}
