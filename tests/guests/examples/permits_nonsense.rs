//! Permits what no server would accept.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        Permit::new("A P")
            .publish_allow("a..b")
            .subscribe_allow("")
            .into()
    }
}

export!(Guest);
