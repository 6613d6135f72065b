//! Denies with the password in the clear. Needs the grant.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, request: &Request) -> Verdict {
        Verdict::deny(format!("{:?}", request.secrets().password()))
    }
}

export!(Guest);
