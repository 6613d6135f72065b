#![doc = include_str!("../README.md")]

mod check;
mod settings;
#[cfg(test)]
mod tests;

use portcullis_sdk::prelude::*;

pub use portcullis_sdk::profile::{Profile, Responses, Subjects, Times};
pub use settings::{Hash, Settings, UnknownUsers, User};

/// The policy: every user with the permit that waits for them.
#[derive(Debug)]
pub struct StaticUsers {
    logins: Logins,
    unknown_users: UnknownUsers,
    /// Compared when there is no hash to compare with, so that the time taken does not tell which
    /// users exist.
    stand_in: Hash,
}

/// Users sorted by name.
#[derive(Debug)]
struct Logins(Vec<(String, Login)>);

/// One user, checked.
#[derive(Debug)]
struct Login {
    password: Option<Hash>,
    token: Option<Hash>,
    permit: Permit,
}

impl Policy for StaticUsers {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        let logins = check::logins(&settings)?;
        if settings.dangerous_plain_text_passwords {
            log::warn("plain text passwords are accepted in the settings");
        }
        Ok(Self {
            stand_in: check::stand_in(&logins),
            logins,
            unknown_users: settings.unknown_users,
        })
    }

    fn decide(&self, request: &Request) -> Verdict {
        match request.method() {
            Method::Password => self.decide_password(request),
            Method::Token => self.decide_token(request),
            _ => Verdict::Abstain,
        }
    }
}

impl Logins {
    fn get(&self, name: &str) -> Option<&Login> {
        let found = self
            .0
            .binary_search_by(|(known, _)| known.as_str().cmp(name));
        let (_, login) = self.0.get(found.ok()?)?;
        Some(login)
    }

    fn iter(&self) -> impl Iterator<Item = &Login> {
        self.0.iter().map(|(_, login)| login)
    }
}

impl StaticUsers {
    fn decide_password(&self, request: &Request) -> Verdict {
        let name = request.username();
        let login = name.and_then(|name| self.logins.get(&name));
        let hash = login.and_then(|login| login.password.as_ref());
        let matches = request.password_matches(hash.unwrap_or(&self.stand_in).as_str());
        match (login, hash, matches) {
            (None, _, _) => self.unknown("unknown user"),
            (Some(_), None, _) => Verdict::deny("the user has no password, only a token"),
            (Some(login), Some(_), Ok(true)) => login.permit.clone().into(),
            (Some(_), Some(_), Ok(false)) => Verdict::deny("wrong password"),
            (Some(_), Some(_), Err(error)) => Verdict::deny(error.to_string()),
        }
    }

    /// Compares with every token, whether or not one has matched: the time taken tells nothing.
    fn decide_token(&self, request: &Request) -> Verdict {
        let mut found = None;
        let mut failure = None;
        for login in self.logins.iter() {
            let Some(hash) = &login.token else { continue };
            match request.token_matches(hash.as_str()) {
                Ok(true) => found = Some(login),
                Ok(false) => {}
                Err(error) => failure = Some(error),
            }
        }
        match (found, failure) {
            (Some(login), _) => login.permit.clone().into(),
            (None, Some(error)) => Verdict::deny(error.to_string()),
            (None, None) => self.unknown("unknown token"),
        }
    }

    fn unknown(&self, reason: &str) -> Verdict {
        match self.unknown_users {
            UnknownUsers::Abstain => Verdict::Abstain,
            UnknownUsers::Deny => Verdict::deny(reason),
        }
    }
}

export!(StaticUsers);
