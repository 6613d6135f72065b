//! Panics when asked.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        #[expect(clippy::panic, reason = "what this guest is for")]
        {
            panic!("the guest panics on purpose")
        }
    }
}

export!(Guest);
