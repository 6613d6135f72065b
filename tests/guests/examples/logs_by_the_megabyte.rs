//! Logs a hundred megabytes, then abstains.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        let line = "x".repeat(1 << 20);
        for _ in 0..100 {
            log::info(&line);
        }
        Verdict::Abstain
    }
}

export!(Guest);
