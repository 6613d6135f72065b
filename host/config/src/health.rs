//! Table `[health]`: the health listener.

use std::net::SocketAddr;

use portcullis_toml::{InvalidValue, Kind, Section};

/// The table `[health]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Address of the health listener. `None`, the default, disables it.
    pub listen: Option<SocketAddr>,
}

const ADDRESS: Kind<SocketAddr> = Kind {
    expected: "an address such as `127.0.0.1:9222`",
    parse: |text| {
        text.parse().map_err(|_| {
            InvalidValue::unexpected("an address such as `127.0.0.1:9222` or `[::]:9222`", text)
        })
    },
};

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
