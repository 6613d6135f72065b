//! The conversion of times between clocks.

use std::time::{Duration, Instant, SystemTime};

/// The conversion of times on the monotonic clock to those of the wall clock.
pub(super) struct WallClock {
    /// The current time on the monotonic clock.
    pub(super) now: Instant,
    /// The current time on the wall clock.
    pub(super) wall: SystemTime,
}

impl WallClock {
    /// Returns a time in nanoseconds since the Unix epoch.
    pub(super) fn nanoseconds(&self, at: Instant) -> u64 {
        let since = self.wall.duration_since(SystemTime::UNIX_EPOCH);
        let ago = self.now.saturating_duration_since(at);
        let at = since.unwrap_or(Duration::ZERO).saturating_sub(ago);
        u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)
    }
}
