//! How much comparing subjects may cost.

/// A budget for comparing subjects, counted in tokens looked at.
///
/// Permits come from policies that nobody trusts. Whatever is compared with them is paid for from a budget, so that no
/// permit of the allowed size holds a thread for long.
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
    /// The most for one login: some tens of milliseconds.
    pub const MAX: u64 = 1 << 22;
    /// What a thread that serves other logins too may spend at once: well below a millisecond.
    pub const INLINE: u64 = 1 << 13;

    /// A budget of this many tokens.
    pub const fn new(limit: u64) -> Self {
        Self {
            limit,
            left: Some(limit),
        }
    }

    /// Whether a comparison was given up.
    pub const fn is_exceeded(&self) -> bool {
        self.left.is_none()
    }

    /// Pays for `tokens`. Once exceeded, a budget stays so.
    pub(crate) fn spend(&mut self, tokens: usize) -> Result<(), WorkExceeded> {
        let tokens = u64::try_from(tokens).unwrap_or(u64::MAX);
        self.left = self.left.and_then(|left| left.checked_sub(tokens));
        let limit = self.limit;
        self.left.map(|_| ()).ok_or(WorkExceeded { limit })
    }

    /// What has been paid, for tests.
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
