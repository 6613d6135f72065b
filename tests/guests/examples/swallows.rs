//! Reads a fact that may be larger than its memory.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, request: &Request) -> Verdict {
        let length = request.client().user().map_or(0, |user| user.len());
        Verdict::deny(format!("a user name of {length} bytes"))
    }
}

export!(Guest);
