//! Table `[callout.deny]`: the answers to denied logins.

use std::time::Duration;

use portcullis_callout::{DenyMode, DenyModes};
use portcullis_core::DenialClass;
use portcullis_toml::kinds::SOME_TIME;
use portcullis_toml::{InvalidValue, Kind, Section};

/// Default of the time by which mode `delay` delays a denial.
const DELAY: Duration = Duration::from_secs(1);

/// A mode of answering a denial, for a delay.
const DENY_MODE: Kind<fn(Duration) -> DenyMode> = Kind {
    expected: "one of `error`, `empty`, `drop`, `delay`",
    parse: |text| match text {
        "error" => Ok(|_| DenyMode::Error),
        "empty" => Ok(|_| DenyMode::Empty),
        "drop" => Ok(|_| DenyMode::Drop),
        "delay" => Ok(DenyMode::Delay),
        _ => Err(InvalidValue::unexpected(
            "one of `error`, `empty`, `drop`, `delay`",
            text,
        )),
    },
};

/// Reads the table `[callout.deny]`.
pub(crate) fn read(mut section: Section<'_>) -> Option<DenyModes> {
    let error: fn(Duration) -> DenyMode = |_| DenyMode::default();
    let default = section.value("default", &DENY_MODE, error);
    let delay = section.value("delay", &SOME_TIME, DELAY);
    let modes = DenialClass::ALL.into_iter().filter_map(|class| {
        let setting = section.setting(class.as_str())?;
        Some(setting.parse(&DENY_MODE).map(|mode| (class, mode)))
    });
    // All modes are read before the first failure returns, so that all problems are found.
    let modes: Vec<_> = modes.collect();
    section.finish();
    let (default, delay) = (default?, delay?);
    let modes = modes.into_iter().collect::<Option<Vec<_>>>()?;
    let by_class = modes.into_iter().map(|(class, mode)| (class, mode(delay)));
    Some(DenyModes::new(default(delay), by_class))
}
