//! Places everybody in the system account.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        Permit::new("SYS")
            .publish_allow(">")
            .subscribe_allow(">")
            .into()
    }
}

export!(Guest);
