//! The time until a JWT expires.

use std::time::Duration;

/// The time until a JWT expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// The JWT does not expire.
    Unlimited,
    /// The JWT expires after this time.
    Limited(Duration),
    /// The JWT expires at this time, in seconds since the Unix epoch.
    Until(u64),
}

impl Lifetime {
    /// Returns the time at which a JWT expires that is signed at the time `now`. `None` if it does
    /// not expire.
    pub(super) fn end(self, now: u64) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::Limited(time) => Some(now.saturating_add(time.as_secs())),
            Self::Until(time) => Some(time),
        }
    }
}
