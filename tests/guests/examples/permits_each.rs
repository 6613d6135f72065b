//! One permit of the list in the library for each decision, selected by the user name.

use guests::permits::CASES;
use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, request: &Request) -> Verdict {
        let wanted = request.username();
        let case = CASES
            .iter()
            .find(|(name, _)| Some(*name) == wanted.as_deref());
        case.map_or(Verdict::Abstain, |(_, permit)| permit().into())
    }
}

export!(Guest);
