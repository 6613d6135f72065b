//! Table `[health]`: the health listener.

use std::net::SocketAddr;

use portcullis_toml::Section;

use crate::values::ADDRESS;

/// The table `[health]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Address of the health listener. `None`, the default, disables it.
    pub listen: Option<SocketAddr>,
}

impl Health {
    pub(crate) fn read(mut section: Section<'_>) -> Option<Self> {
        let listen = match section.setting("listen") {
            None => Some(None),
            Some(setting) => setting.parse(&ADDRESS).map(Some),
        };
        section.finish();
        Some(Self { listen: listen? })
    }
}
