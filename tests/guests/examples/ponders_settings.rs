//! Takes some hundred milliseconds for `configure`.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        for round in 0..500_000_000_u32 {
            std::hint::black_box(round);
        }
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        Verdict::Abstain
    }
}

export!(Guest);
