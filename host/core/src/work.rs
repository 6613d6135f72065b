//! A limit on the cost of comparing subjects.

/// A budget for comparing subjects, in compared tokens.
///
/// The host does not trust policies, and permits come from policies. Every comparison with a permit
/// spends from a budget, so that no permit of the allowed size occupies a thread for long.
#[derive(Clone, Copy, Debug)]
pub struct WorkBudget {
    limit: u64,
    left: Option<u64>,
}

/// A comparison that costs more than its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("comparing its subjects takes more than {limit} steps; name fewer or shorter subjects")]
pub struct WorkExceeded {
    limit: u64,
}

impl WorkBudget {
    /// Budget for one login, in tokens: some tens of milliseconds of work.
    pub const MAX: u64 = 1 << 22;
    /// Budget for work on a thread that also serves other logins, in tokens: well below a
    /// millisecond.
    pub const INLINE: u64 = 1 << 13;

    /// Returns a budget of `limit` tokens.
    pub const fn new(limit: u64) -> Self {
        Self {
            limit,
            left: Some(limit),
        }
    }

    /// Returns whether a comparison was given up.
    pub const fn is_exceeded(&self) -> bool {
        self.left.is_none()
    }

    /// Spends `tokens`. An exceeded budget stays exceeded.
    pub(crate) fn spend(&mut self, tokens: usize) -> Result<(), WorkExceeded> {
        let tokens = u64::try_from(tokens).unwrap_or(u64::MAX);
        self.left = self.left.and_then(|left| left.checked_sub(tokens));
        let limit = self.limit;
        self.left.map(|_| ()).ok_or(WorkExceeded { limit })
    }

    /// Returns the number of spent tokens, for tests.
    #[cfg(test)]
    pub(crate) fn spent(&self) -> u64 {
        self.limit - self.left.unwrap_or_default()
    }
}

impl Default for WorkBudget {
    fn default() -> Self {
        Self::new(Self::MAX)
    }
}
