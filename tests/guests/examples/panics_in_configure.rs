//! Panics in `configure`.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        #[expect(clippy::panic, reason = "what this guest is for")]
        {
            panic!("no settings please")
        }
    }

    fn decide(&self, _: &Request) -> Verdict {
        Verdict::Abstain
    }
}

export!(Guest);
