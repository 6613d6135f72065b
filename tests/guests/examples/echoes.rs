//! Permits with every method of a permit.

use std::time::Duration;

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, request: &Request) -> Verdict {
        Permit::new("APP")
            .user_name("echo")
            .publish_allow("p.allow")
            .publish_deny("p.deny")
            .subscribe_allow("s.allow queue")
            .subscribe_deny("s.deny")
            .responses_allow(3, Duration::from_secs(5))
            .expires_in(Duration::from_mins(1))
            .expires_at(request.now() + 90)
            .role("reader")
            .source_allow("10.0.0.0/8")
            .connection_type_allow("STANDARD")
            .time_allow("08:00:00", "18:00:00")
            .times_location("Europe/Berlin")
            .proxy_required()
            .tag("tag:one")
            .into()
    }
}

export!(Guest);
