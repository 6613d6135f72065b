//! The denies that servers check when they deliver a message.

use portcullis_core::DenyFilter;

use super::version::ServerVersion;

/// Returns which wildcard subscriptions a server of `version` checks against denies on delivery.
/// For an unknown version, returns the filter of the oldest servers, which covers the fewest.
pub fn deny_filter(version: Option<ServerVersion>) -> DenyFilter {
    let overlapping = version.is_some_and(|version| {
        let (early, late) = (ServerVersion::new(2, 11, 16), ServerVersion::new(2, 12, 7));
        version >= late || (version >= early && (version.major, version.minor) == (2, 11))
    });
    if overlapping {
        DenyFilter::Overlapping
    } else {
        DenyFilter::Containing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_series_has_its_first_release_that_looks_at_what_overlaps() {
        for (version, expected) in [
            ("2.10.29", DenyFilter::Containing),
            ("2.11.15", DenyFilter::Containing),
            ("2.11.16", DenyFilter::Overlapping),
            ("2.12.6", DenyFilter::Containing),
            ("2.12.7", DenyFilter::Overlapping),
            ("2.15.1", DenyFilter::Overlapping),
        ] {
            assert_eq!(deny_filter(version.parse().ok()), expected, "{version}");
        }
        assert_eq!(deny_filter(None), DenyFilter::Containing);
    }
}
