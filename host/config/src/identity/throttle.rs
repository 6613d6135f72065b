//! Table `[identity.throttle]`: limits on failed attempts.

use std::time::Duration;

use portcullis_authority::ThrottleOptions;
use portcullis_core::SourceNetwork;
use portcullis_toml::kinds::{DURATION, seconds_up_to};
use portcullis_toml::{InvalidValue, Kind, Section};

/// Maximum of `per`. A bucket that drains more slowly would limit nothing.
const MAX_TIME: Duration = Duration::from_hours(24);
/// Maximum number of entries of each of the three kinds.
const MAX_ENTRIES: i64 = 10_000_000;

/// A time span in which failures count.
const WINDOW: Kind<Duration> = Kind {
    expected: DURATION.expected,
    parse: |text| seconds_up_to(text, MAX_TIME, "1day"),
};

const NETWORK: Kind<SourceNetwork> = Kind {
    expected: "a network such as `10.0.0.0/8`",
    parse: |text| text.parse().map_err(InvalidValue::rule),
};

pub(crate) fn read(mut section: Section<'_>) -> Option<ThrottleOptions> {
    let default = ThrottleOptions::default();
    let address_failures = read_count(&mut section, "address-failures", default.address_failures);
    let user_failures = read_count(&mut section, "user-failures", default.user_failures);
    let per = section.value("per", &WINDOW, default.per);
    let exempt_networks = section.list("exempt-networks", &NETWORK);
    let max_entries = match section.setting("max-entries") {
        None => Some(default.max_entries),
        Some(setting) => setting
            .number(1, MAX_ENTRIES)
            .and_then(|number| u64::try_from(number).ok()),
    };
    section.finish();
    Some(ThrottleOptions {
        address_failures: address_failures?,
        user_failures: user_failures?,
        per: per?,
        exempt_networks: exempt_networks?,
        max_entries: max_entries?,
    })
}

fn read_count(section: &mut Section<'_>, key: &'static str, default: u32) -> Option<u32> {
    match section.setting(key) {
        None => Some(default),
        Some(setting) => setting
            .number(0, i64::from(u32::MAX))
            .and_then(|number| u32::try_from(number).ok()),
    }
}
