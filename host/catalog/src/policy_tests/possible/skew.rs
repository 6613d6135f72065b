//! The tolerated difference of clocks.

/// Maximum difference of two clocks, in seconds: the largest leeway of an issuer. A login that the
/// host has decided must not count as impossible.
pub(super) const SKEW: u64 = 60 * 60;
