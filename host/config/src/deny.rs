//! Table `[callout.deny]`: the answers to denied logins.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_core::DenialClass;
use portcullis_toml::kinds::SOME_TIME;
use portcullis_toml::{Kind, Section};

/// The table `[callout.deny]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deny {
    /// Mode of every class without one of its own. Default: error.
    pub default: DenyMode,
    /// Modes by class.
    pub by_class: BTreeMap<DenialClass, DenyMode>,
    /// Time by which mode `delay` delays a denial. Default: 1 s.
    pub delay: Duration,
}

/// A mode of answering a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyMode {
    /// An immediate answer with the reason.
    Error,
    /// An immediate answer without a reason.
    Empty,
    /// No answer.
    Drop,
    /// A delayed answer with the reason.
    Delay,
}

/// A mode of answering a denial.
const DENY_MODE: Kind<DenyMode> = Kind {
    expected: "one of `error`, `empty`, `drop`, `delay`",
    parse: |text| match text {
        "error" => Ok(DenyMode::Error),
        "empty" => Ok(DenyMode::Empty),
        "drop" => Ok(DenyMode::Drop),
        "delay" => Ok(DenyMode::Delay),
        _ => Err(format!(
            "expected one of `error`, `empty`, `drop`, `delay`, found `{}`",
            text.escape_debug()
        )),
    },
};

impl Deny {
    pub(crate) fn read(mut section: Section<'_>) -> Option<Self> {
        let default = section.value("default", &DENY_MODE, DenyMode::Error);
        let delay = section.value("delay", &SOME_TIME, Duration::from_secs(1));
        let mut broken = false;
        let mut by_class = BTreeMap::new();
        for class in DenialClass::ALL {
            if let Some(setting) = section.setting(class.as_str()) {
                match setting.parse(&DENY_MODE) {
                    Some(mode) => {
                        by_class.insert(class, mode);
                    }
                    None => broken = true,
                }
            }
        }
        section.finish();
        Some(Self {
            default: default?,
            by_class,
            delay: delay?,
        })
        .filter(|_| !broken)
    }
}
