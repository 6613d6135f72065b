//! Reads the system's clock, which the host does not provide.

use std::time::SystemTime;

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        Verdict::deny(format!("{:?}", SystemTime::now()))
    }
}

export!(Guest);
