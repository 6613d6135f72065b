//! Logs an error, then recurses until the stack overflows.

use portcullis_sdk::prelude::*;

#[expect(unconditional_recursion, reason = "what this guest is for")]
fn deeper(level: u64) -> u64 {
    std::hint::black_box(deeper(std::hint::black_box(level + 1)) + 1)
}

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        log::error("an ordinary error");
        Verdict::deny(deeper(1).to_string())
    }
}

export!(Guest);
