//! Permits with every method of a permit.

use std::time::Duration;

use portcullis_sdk::Responses;
use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, request: &Request) -> Verdict {
        Permit::new("APP")
            .with_user_name("echo")
            .allow_publish(["p.allow"])
            .deny_publish(["p.deny"])
            .allow_subscribe(["s.allow queue"])
            .deny_subscribe(["s.deny"])
            .allow_responses(Responses {
                max: 3,
                ttl: Duration::from_secs(5),
            })
            .limit_lifetime(Duration::from_mins(1))
            .limit_expiry(request.now() + 90)
            .with_role("reader")
            .allow_sources(["10.0.0.0/8"])
            .allow_connection_types(["STANDARD"])
            .allow_times([("08:00:00", "18:00:00")])
            .with_times_location("Europe/Berlin")
            .require_proxy()
            .add_tags(["tag:one"])
            .into()
    }
}

export!(Guest);
