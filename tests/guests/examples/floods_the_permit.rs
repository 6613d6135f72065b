//! Allows more subjects than a permit can have.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        Permit::new("APP")
            .allow_publish((0..5000).map(|number| subject!("a.{}", number)))
            .into()
    }
}

export!(Guest);
