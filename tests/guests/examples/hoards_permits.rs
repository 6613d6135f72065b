//! Builds 20 permits of 1 MB each in `configure`.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        hoard();
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        Verdict::Abstain
    }
}

/// Makes handles of the host, which exist only in the host.
fn hoard() {
    #[cfg(target_arch = "wasm32")]
    {
        use portcullis_sdk::__private::bindings::portcullis::policy::permits::Permit;

        let account = "A".repeat(1_000_000);
        std::mem::forget((0..20).map(|_| Permit::new(&account)).collect::<Vec<_>>());
    }
}

export!(Guest);
