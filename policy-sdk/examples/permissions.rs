//! A policy that uses most of a permit: a sensor publishes its own readings for an hour, and
//! replies to commands.

use std::time::Duration;

use portcullis_sdk::prelude::*;
use portcullis_sdk::{Responses, Transport};

struct Sensors;

impl Policy for Sensors {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, request: &Request) -> Verdict {
        let client = request.client();
        let (Some(Transport::Mqtt), Some(id)) = (client.transport(), client.mqtt_id()) else {
            return Verdict::Abstain;
        };
        log::debug(format!("sensor `{id}`"));
        Permit::new("SENSORS")
            .with_user_name(format!("sensor-{id}"))
            .allow_publish([subject!("readings.{}.>", id)])
            .deny_publish([subject!("readings.{}.raw", id)])
            .allow_subscribe([subject!("commands.{}", id), subject!("commands.all")])
            .allow_responses(Responses {
                max: 1,
                ttl: Duration::from_secs(5),
            })
            .limit_lifetime(Duration::from_hours(1))
            .add_tags(["sensor"])
            .into()
    }
}

export!(Sensors);
