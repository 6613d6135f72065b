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
            .allow_publish(["a..b"])
            .allow_subscribe([""])
            .allow_sources(["10.0.0.1"])
            .allow_connection_types(["BOGUS"])
            .allow_times([("8:00", "18:00")])
            .with_times_location("here and now")
            .limit_subscriptions(0)
            .limit_payload(u32::MAX)
            .into()
    }
}

export!(Guest);
