//! Plausible times in tokens and JWTs.

/// Greatest plausible time ahead, in seconds: a hundred years. A time in milliseconds is thousands
/// of years ahead.
const FURTHEST: u64 = 100 * 366 * 24 * 60 * 60;

/// Returns whether `time` is too far ahead of `now` to be in seconds. Both are in seconds since the
/// Unix epoch.
pub(crate) const fn is_implausible(time: u64, now: u64) -> bool {
    time > now.saturating_add(FURTHEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn milliseconds_are_implausible_and_decades_are_not() {
        assert!(is_implausible(NOW * 1000, NOW));
        assert!(is_implausible(u64::MAX, NOW));
        // The year 2100, which some issuers write for "never".
        assert!(!is_implausible(4_102_444_800, NOW));
        assert!(!is_implausible(0, NOW));
    }
}
