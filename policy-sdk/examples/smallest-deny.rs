//! The smallest policy that keeps anybody out: those who hide behind no name. Everybody else is left to the
//! next policy.

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
