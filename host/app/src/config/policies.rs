//! `[policies]`: who decides.

use std::path::PathBuf;
use std::time::Duration;

use portcullis_core::PolicyName;
use portcullis_engine::Limits;

use super::reader::Section;
use super::values::{Kind, POLICY, SIZE, SOME_TIME};

/// The table `[policies]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// The watched directory.
    pub directory: PathBuf,
    /// The policies that decide first, in this order; the others follow by name. No name twice.
    pub order: Vec<PolicyName>,
    /// How often the directory is read even if nothing was reported.
    pub poll_interval: Duration,
    /// How long the directory must be quiet before it is read.
    pub debounce: Duration,
    /// The largest module that is loaded, in bytes.
    pub max_module_size: u64,
    /// How long a policy may compute for one decision, if its own settings do not say.
    pub deadline: Duration,
    /// How much memory a policy may have, in bytes, if its own settings do not say.
    pub memory: u64,
}

/// The memory of a policy: what a slot of the engine's pool holds, at most.
const MEMORY: Kind<u64> = Kind {
    expected: SIZE.expected,
    parse: |text| {
        let bytes = (SIZE.parse)(text)?;
        if usize::try_from(bytes).is_ok_and(|bytes| bytes <= Limits::MAX_MEMORY) {
            Ok(bytes)
        } else {
            Err(format!("must be at most `64MiB`, found `{text}`"))
        }
    },
};

impl Policies {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let directory = if section.has("directory") {
            section.path("directory")
        } else {
            section.setting("directory");
            Some(section.resolve("policies"))
        };
        let order = read_order(&mut section);
        let poll_interval = section.value("poll-interval", &SOME_TIME, Duration::from_secs(10));
        let debounce = section.value("debounce", &SOME_TIME, Duration::from_millis(250));
        let max_module_size = section.value("max-module-size", &SIZE, 8 << 20);
        let deadline = section.value("deadline", &SOME_TIME, Duration::from_millis(100));
        let memory = section.value("memory", &MEMORY, 16 << 20);
        section.finish();
        Some(Self {
            directory: directory?,
            order: order?,
            poll_interval: poll_interval?,
            debounce: debounce?,
            max_module_size: max_module_size?,
            deadline: deadline?,
            memory: memory?,
        })
    }
}

fn read_order(section: &mut Section<'_>) -> Option<Vec<PolicyName>> {
    let Some(setting) = section.setting("order") else {
        return Some(Vec::new());
    };
    let order = setting.list(&POLICY)?;
    let twice = order
        .iter()
        .enumerate()
        .find(|(index, name)| order.iter().take(*index).any(|other| other == *name));
    if let Some((_, name)) = twice {
        setting.report(format!("names policy `{name}` twice"));
        return None;
    }
    Some(order)
}
