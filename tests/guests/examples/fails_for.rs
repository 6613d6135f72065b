//! Fails for one user or one token, and abstains from all other logins.

use portcullis_sdk::prelude::*;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    username: Option<String>,
    /// A hash of the token.
    token: Option<String>,
    how: How,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum How {
    Panics,
    Spins,
}

struct Guest(Settings);

impl Policy for Guest {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self(settings))
    }

    fn decide(&self, request: &Request) -> Verdict {
        let Self(settings) = self;
        let by_name = settings.username.is_some() && settings.username == request.username();
        let token = settings.token.as_ref();
        let by_token = token.is_some_and(|hash| request.token_matches(hash) == Ok(true));
        if !by_name && !by_token {
            return Verdict::Abstain;
        }
        match settings.how {
            How::Spins => loop {
                std::hint::black_box(());
            },
            #[expect(clippy::panic, reason = "what this guest is for")]
            How::Panics => panic!("the guest panics on purpose"),
        }
    }
}

export!(Guest);
