//! Guesses the client's password, number by number.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, request: &Request) -> Verdict {
        for number in 0..1_000_000 {
            if request.password_matches(&format!("plain:{number:06}")) == Ok(true) {
                return Verdict::deny(format!("the password is {number:06}"));
            }
        }
        Verdict::Abstain
    }
}

export!(Guest);
