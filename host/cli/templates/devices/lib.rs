//! The policy `__NAME__`: devices that connect over MQTT with a name and a password.

use std::collections::BTreeMap;

use portcullis_sdk::ConnectionType;
use portcullis_sdk::prelude::*;
use portcullis_sdk::profile::{Combination, Profile, ProfileTemplate};
use portcullis_sdk::template::Values;

/// The table `[settings]` of `__NAME__.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The account of all devices.
    account: String,
    /// What a device may do. `{{user-name}}` stands for the device's name.
    permissions: Profile,
    /// The hash of each device's password, from `portcullis hash`.
    devices: BTreeMap<String, String>,
}

struct Devices {
    account: String,
    permissions: ProfileTemplate,
    devices: BTreeMap<String, String>,
}

impl Policy for Devices {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        check_account(&settings.account).map_err(|error| SettingsError::at("account", error))?;
        SettingsError::check(settings.devices.iter().filter_map(|(name, hash)| {
            let error = check_hash(hash).err()?;
            Some(SettingsError::at(format!("devices.{name}"), error))
        }))?;
        Ok(Self {
            permissions: settings.permissions.template("permissions", &[])?,
            account: settings.account,
            devices: settings.devices,
        })
    }

    fn decide(&self, request: &Request) -> Verdict {
        if request.client().connection_type() != Some(ConnectionType::Mqtt) {
            return Verdict::Abstain;
        }
        let Some(name) = request.username() else {
            return Verdict::Abstain;
        };
        let Some(hash) = self.devices.get(&name) else {
            return Verdict::Abstain;
        };
        match request.password_matches(hash) {
            Ok(true) => {}
            Ok(false) => return Verdict::deny("wrong password"),
            Err(error) => return Verdict::deny(error),
        }
        // A client takes over the session of its client id, with what is queued there.
        if request.client().mqtt_id().as_deref() != Some(name.as_str()) {
            return Verdict::deny("the MQTT client id is not the name of the device");
        }
        self.permit(request, &name)
    }
}

impl Devices {
    fn permit(&self, request: &Request, name: &str) -> Verdict {
        let values = Values::new(request).account(&self.account).user_name(name);
        let mut combination = Combination::default();
        match combination.add("permissions", &self.permissions, &values) {
            Ok(()) => combination
                .add_to(Permit::new(&self.account).with_user_name(name))
                .allow_connection_types([ConnectionType::Mqtt])
                .into(),
            Err(refusal) => Verdict::deny(refusal),
        }
    }
}

export!(Devices);

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_sdk::testing::{self, RequestBuilder};

    fn devices() -> Devices {
        testing::configure(
            r#"{
                "account": "DEVICES",
                "permissions": { "publish": { "allow": ["devices.{{user-name}}.>"] } },
                "devices": { "sensor-7": "plain:humid" }
            }"#,
        )
        .unwrap()
    }

    fn login(password: &str, id: &str) -> RequestBuilder {
        let login = Request::builder()
            .username("sensor-7")
            .password(password)
            .client_mqtt_id(id);
        login.client_connection_type(ConnectionType::Mqtt)
    }

    #[test]
    fn a_device_publishes_under_its_name() {
        let permit = Permit::new("DEVICES")
            .with_user_name("sensor-7")
            .allow_publish(["devices.sensor-7.>"])
            .allow_connection_types([ConnectionType::Mqtt]);
        assert_eq!(
            devices().decide(&login("humid", "sensor-7").build()),
            permit.into()
        );
    }

    #[test]
    fn a_wrong_password_and_a_foreign_client_id_are_denied() {
        assert!(matches!(
            devices().decide(&login("dry", "sensor-7").build()),
            Verdict::Deny(_)
        ));
        assert!(matches!(
            devices().decide(&login("humid", "sensor-8").build()),
            Verdict::Deny(_)
        ));
    }

    #[test]
    fn logins_over_other_protocols_are_left_to_the_next_policy() {
        let login = login("humid", "sensor-7").client_connection_type(ConnectionType::Standard);
        assert_eq!(devices().decide(&login.build()), Verdict::Abstain);
    }
}
