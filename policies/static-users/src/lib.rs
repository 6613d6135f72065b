#![doc = include_str!("../README.md")]

mod check;
mod keys;
mod settings;
#[cfg(test)]
mod tests;

use portcullis_sdk::prelude::*;
use portcullis_sdk::{SettingsDoc, profile};

pub use portcullis_sdk::profile::{Profile, SubjectLists};
pub use portcullis_sdk::{Responses, TimeRange};
pub use settings::{Hash, Settings, UnknownUsers, User};

/// The policy: its checked settings. It derives nothing for each user, because settings may list a
/// hundred thousand users.
#[derive(Debug)]
pub struct StaticUsers {
    settings: Settings,
    /// The hash to compare with for a user without one, so that the response time does not reveal
    /// which users exist.
    stand_in: Hash,
}

impl Policy for StaticUsers {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        check::check(&settings)?;
        if settings.dangerous_plain_text_passwords {
            log::warn("plain text passwords are accepted in the settings");
        }
        Ok(Self {
            stand_in: check::stand_in(&settings),
            settings,
        })
    }

    fn describe() -> SettingsDoc {
        SettingsDoc::new(keys::KEYS).with("profiles.NAME", profile::KEYS)
    }

    fn decide(&self, request: &Request) -> Verdict {
        match request.method() {
            Method::Password => self.decide_password(request),
            Method::Token => self.decide_token(request),
            _ => Verdict::Abstain,
        }
    }
}

impl StaticUsers {
    fn decide_password(&self, request: &Request) -> Verdict {
        let name = request.username();
        let user = name.and_then(|name| self.settings.users.get_key_value(&name));
        let hash = user.and_then(|(_, user)| user.password.as_ref());
        let matches = request.password_matches(hash.unwrap_or(&self.stand_in).as_str());
        match (user, hash, matches) {
            (None, _, _) => self.unknown("unknown user"),
            (Some(_), None, _) => Verdict::deny("the user has no password, only a token"),
            (Some((name, user)), Some(_), Ok(true)) => self.settings.permit(name, user).into(),
            (Some(_), Some(_), Ok(false)) => Verdict::deny("wrong password"),
            (Some(_), Some(_), Err(error)) => Verdict::deny(error),
        }
    }

    /// Compares the token with every hash, even after a match, so that the response time reveals
    /// nothing.
    fn decide_token(&self, request: &Request) -> Verdict {
        let mut found = None;
        let mut failure = None;
        for (name, user) in &self.settings.users {
            let Some(hash) = &user.token else { continue };
            match request.token_matches(hash.as_str()) {
                Ok(true) => found = Some((name, user)),
                Ok(false) => {}
                Err(error) => failure = Some(error),
            }
        }
        match (found, failure) {
            (Some((name, user)), _) => self.settings.permit(name, user).into(),
            (None, Some(error)) => Verdict::deny(error),
            (None, None) => self.unknown("unknown token"),
        }
    }

    fn unknown(&self, reason: &str) -> Verdict {
        match self.settings.unknown_users {
            UnknownUsers::Abstain => {
                log::debug(reason);
                Verdict::Abstain
            }
            UnknownUsers::Deny => Verdict::deny(reason),
        }
    }
}

export!(StaticUsers);
