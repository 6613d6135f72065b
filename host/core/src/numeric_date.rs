//! Times in tokens and JWTs.

use serde_json::Value;

/// Maximum number of seconds that a float represents to the second. A time may be a number of any
/// kind.
const MAX_SECONDS: f64 = 9_007_199_254_740_992.0;
/// Greatest plausible time ahead, in seconds: a hundred years. A time in milliseconds is thousands
/// of years ahead.
const FURTHEST: u64 = 100 * 366 * 24 * 60 * 60;

/// Returns the seconds since the Unix epoch of a `NumericDate`, whole or not (RFC 7519, section 2).
/// `None` for any other value.
pub fn numeric_date(value: &Value) -> Option<u64> {
    if let Some(seconds) = value.as_u64() {
        return Some(seconds);
    }
    let seconds = value
        .as_f64()
        .filter(|seconds| (0.0..MAX_SECONDS).contains(seconds));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is in the range"
    )]
    seconds.map(|seconds| seconds as u64)
}

/// Returns whether the time of a token is more than a hundred years ahead of `now`, and so probably
/// in milliseconds. Both are in seconds since the Unix epoch.
pub const fn is_implausible_date(time: u64, now: u64) -> bool {
    time > now.saturating_add(FURTHEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn milliseconds_are_implausible_and_decades_are_not() {
        assert!(is_implausible_date(NOW * 1000, NOW));
        assert!(is_implausible_date(u64::MAX, NOW));
        // The year 2100, which some issuers write for "never".
        assert!(!is_implausible_date(4_102_444_800, NOW));
        assert!(!is_implausible_date(0, NOW));
    }
}
