//! Denies with its policy text, the content of `NAME.cedar`. A line `wrong` is an error of the
//! text.

use portcullis_sdk::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    cedar_text: String,
}

struct Guest(String);

impl Policy for Guest {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        let text = settings.cedar_text;
        match text.lines().position(|line| line == "wrong") {
            Some(index) => {
                let line = index + 1;
                let problem = format!("line {line}, column 1: unexpected `wrong`");
                Err(SettingsError::at("cedar-text", problem))
            }
            None => Ok(Self(text)),
        }
    }

    fn decide(&self, _: &Request) -> Verdict {
        Verdict::deny(self.0.trim())
    }
}

export!(Guest);
