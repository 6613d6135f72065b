//! The smallest policy that permits a login: from the office network, with the office's subjects.

use portcullis_sdk::prelude::*;

struct Office;

impl Policy for Office {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, request: &Request) -> Verdict {
        match request.client().host() {
            Some(host) if host.starts_with("10.") => {
                Permit::new("APP").allow_publish(["office.>"]).into()
            }
            _ => Verdict::Abstain,
        }
    }
}

export!(Office);
