//! Logs more lines than the host accepts, then abstains.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        for number in 0..1000 {
            log::info(format!("line {number} {}", "x".repeat(4096)));
        }
        Verdict::Abstain
    }
}

export!(Guest);
