//! A policy with settings: guests share one password, which the settings file holds as a hash.
//!
//! ```toml
//! [settings]
//! account = "GUESTS"
//! password = "$argon2id$v=19$..."
//! ```

use portcullis_sdk::prelude::*;
use serde::Deserialize;

struct Guests {
    account: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    account: String,
    password: String,
}

impl Policy for Guests {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        check_hash(&settings.password).map_err(|error| SettingsError::at("password", error))?;
        Ok(Self {
            account: settings.account,
            password: settings.password,
        })
    }

    fn decide(&self, request: &Request) -> Verdict {
        if request.username().as_deref() != Some("guest") {
            return Verdict::Abstain;
        }
        match request.password_matches(&self.password) {
            Ok(true) => Permit::new(&self.account)
                .allow_subscribe(["news.>"])
                .into(),
            Ok(false) => Verdict::deny("wrong password"),
            Err(error) => Verdict::deny(error),
        }
    }
}

export!(Guests);
