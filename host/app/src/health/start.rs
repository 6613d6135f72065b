//! Metrics of the program and its start.

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_core::Sample;

/// Returns the version of the program, and the time of its start.
pub(crate) fn samples(started: SystemTime) -> Vec<Sample> {
    let started = started.duration_since(UNIX_EPOCH);
    vec![
        Sample::gauge("build_info", "1, with the version of the program", 1.0)
            .with("version", env!("CARGO_PKG_VERSION")),
        Sample::whole(
            "start_time_seconds",
            "When the host started, in seconds since the Unix epoch",
            started.map_or(0, |since| since.as_secs()),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portcullis_core::SampleValue;

    use super::*;

    #[test]
    fn version_and_start_are_told() {
        let samples = super::samples(UNIX_EPOCH + Duration::from_hours(500_000));
        let [build, start] = &*samples else {
            panic!("{samples:?}")
        };
        let version = ("version", env!("CARGO_PKG_VERSION").to_owned());
        assert_eq!(build.labels, [version]);
        assert_eq!(start.value, SampleValue::Gauge(1_800_000_000.0));
    }
}
