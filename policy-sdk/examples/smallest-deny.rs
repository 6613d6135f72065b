//! The smallest policy that denies a login: that of a connection without a name. The next policy
//! decides all other logins.

use portcullis_sdk::prelude::*;

struct NamesOnly;

impl Policy for NamesOnly {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, request: &Request) -> Verdict {
        if request.client().name().is_some() {
            Verdict::Abstain
        } else {
            Verdict::deny("the connection has no name")
        }
    }
}

export!(NamesOnly);
