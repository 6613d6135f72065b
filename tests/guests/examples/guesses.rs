//! Guesses the client's password, number by number.

use portcullis_sdk::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The first number. Default: 0.
    from: u32,
    /// The number after the last one. Default: 1,000,000.
    to: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            from: 0,
            to: 1_000_000,
        }
    }
}

struct Guest(Settings);

impl Policy for Guest {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self(settings))
    }

    fn decide(&self, request: &Request) -> Verdict {
        for number in self.0.from..self.0.to {
            if request.password_matches(&format!("plain:{number:06}")) == Ok(true) {
                return Verdict::deny(format!("the password is {number:06}"));
            }
        }
        Verdict::Abstain
    }
}

export!(Guest);
