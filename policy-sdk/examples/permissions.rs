//! A policy that uses most of a permit: a sensor publishes its own readings for an hour, and
//! replies to commands.

use std::time::Duration;

use portcullis_sdk::prelude::*;

struct Sensors;

impl Policy for Sensors {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, request: &Request) -> Verdict {
        let client = request.client();
        let (Some("mqtt"), Some(id)) = (client.transport().as_deref(), client.mqtt_id()) else {
            return Verdict::Abstain;
        };
        if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Verdict::deny("the client id cannot be part of a subject");
        }
        log::debug(format!("sensor `{id}`"));
        Permit::new("SENSORS")
            .user_name(format!("sensor-{id}"))
            .publish_allow(format!("readings.{id}.>"))
            .publish_deny(format!("readings.{id}.raw"))
            .subscribe_allow_all([format!("commands.{id}"), "commands.all".to_owned()])
            .responses_allow(1, Duration::from_secs(5))
            .expires_in(Duration::from_hours(1))
            .tag("sensor")
            .into()
    }
}

export!(Sensors);
