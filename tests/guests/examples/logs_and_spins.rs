//! Logs a line, then never returns.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        log::info("before the loop");
        loop {
            std::hint::black_box(());
        }
    }
}

export!(Guest);
