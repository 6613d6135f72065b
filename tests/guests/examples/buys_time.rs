//! Compares passwords forever.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, request: &Request) -> Verdict {
        let guess = format!("plain:{}", "x".repeat(60_000));
        while !request.password_matches(&guess).unwrap_or(false) {}
        Verdict::Abstain
    }
}

export!(Guest);
