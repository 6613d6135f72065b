//! Logs more lines than a decision may, then panics.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        for number in 1..=40 {
            log::debug(format!("line {number}"));
        }
        #[expect(clippy::panic, reason = "what this guest is for")]
        {
            panic!("the guest panics on purpose")
        }
    }
}

export!(Guest);
