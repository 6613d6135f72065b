//! Permits with an invalid value in every part of the permit.

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
            .source_allow("10.0.0.1")
            .connection_type_allow("BOGUS")
            .time_allow("8:00", "18:00")
            .times_location("here and now")
            .limit_subscriptions(0)
            .limit_payload(-1)
            .limit_data(1)
            .into()
    }
}

export!(Guest);
