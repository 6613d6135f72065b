//! Never returns from `configure`.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        loop {
            std::hint::black_box(());
        }
    }

    fn decide(&self, _: &Request) -> Verdict {
        Verdict::Abstain
    }
}

export!(Guest);
