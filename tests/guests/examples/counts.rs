//! Denies with the number of decisions that this instance has made: one, unless instances are
//! reused.

use portcullis_sdk::prelude::*;

use std::sync::atomic::{AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
        Verdict::deny(format!("decision {count}"))
    }
}

export!(Guest);
