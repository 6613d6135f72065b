#![doc = include_str!("../README.md")]
#![cfg(any(target_arch = "wasm32", feature = "native"))]

mod answer;
mod input;
mod keys;
mod settings;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;

use portcullis_sdk::prelude::*;
use portcullis_sdk::{SettingsDoc, Strength};

use input::Input;
pub use settings::Settings;
use text::{ENTRY_POINT, Text};

/// The policy: a compiled text in Rego.
pub struct Rego {
    text: Text,
    claimed_logins: bool,
}

impl Policy for Rego {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            text: Text::new(&settings)?,
            claimed_logins: settings.claimed_logins,
        })
    }

    fn describe() -> SettingsDoc {
        SettingsDoc::new(keys::KEYS)
    }

    fn decide(&self, request: &Request) -> Verdict {
        if !self.claimed_logins && request.strength() != Strength::Proved {
            return Verdict::Abstain;
        }
        let verdict = match self.text.permit(&Input::new(request)) {
            Ok(None) => return Verdict::Abstain,
            Ok(Some(json)) => answer::verdict(&json),
            Err(error) => Err(error),
        };
        verdict.unwrap_or_else(|reason| Verdict::Deny(format!("`{ENTRY_POINT}`: {reason}")))
    }
}

impl fmt::Debug for Rego {
    /// Leaves the interpreter out: it has no `Debug`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Rego")
            .field("claimed_logins", &self.claimed_logins)
            .finish_non_exhaustive()
    }
}

export!(Rego);
