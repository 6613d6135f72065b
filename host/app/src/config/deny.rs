//! `[callout.deny]`: how denials are answered.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_core::DenialClass;

use super::reader::Section;
use super::values::{DENY_MODE, SOME_TIME};

/// The table `[callout.deny]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deny {
    /// For every class without a mode of its own.
    pub default: DenyMode,
    /// By class.
    pub by_class: BTreeMap<DenialClass, DenyMode>,
    /// How long `delay` holds a denial back.
    pub delay: Duration,
}

/// How a denial is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyMode {
    /// With the reason, at once.
    Error,
    /// Without a reason, at once.
    Empty,
    /// Not at all.
    Drop,
    /// With the reason, later.
    Delay,
}

impl Deny {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
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
