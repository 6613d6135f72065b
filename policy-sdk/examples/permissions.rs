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
        if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Verdict::deny("the client id cannot be part of a subject");
        }
        log::debug(format!("sensor `{id}`"));
        Permit::new("SENSORS")
            .with_user_name(format!("sensor-{id}"))
            .allow_publish([format!("readings.{id}.>")])
            .deny_publish([format!("readings.{id}.raw")])
            .allow_subscribe([format!("commands.{id}"), "commands.all".to_owned()])
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
