#![doc = include_str!("../README.md")]
#![cfg(any(target_arch = "wasm32", feature = "native"))]

mod check;
mod keys;
mod login;
mod questions;
mod schema;
mod settings;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_sdk::issuers::Issuers;
use portcullis_sdk::prelude::*;
use portcullis_sdk::profile::{Combination, ProfileTemplate};
use portcullis_sdk::template::Values;
use portcullis_sdk::{SettingsDoc, Strength, log, profile};

use login::Login;
use questions::{Answer, Questions};
pub use settings::{ClaimType, Settings, WithoutPermit};

/// The policy: Cedar's policies, and the accounts and profiles that they permit.
#[derive(Debug)]
pub struct Cedar {
    questions: Questions,
    accounts: Vec<String>,
    profiles: BTreeMap<String, ProfileTemplate>,
    methods: Vec<Method>,
    claimed_logins: bool,
    issuers: Issuers,
    name_claims: Vec<String>,
    claims: BTreeMap<String, ClaimType>,
    without_permit: WithoutPermit,
    expires_in: Option<Duration>,
}

/// The reason why a login gets no permit.
enum Refusal {
    /// No policy permits the login to connect.
    NotPermitted(String),
    /// The login is denied.
    Denied(String),
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Denied(reason)
    }
}

impl Policy for Cedar {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        let profiles = check::check(&settings)?;
        Ok(Self {
            questions: Questions::new(&settings)?,
            accounts: settings.accounts,
            profiles,
            methods: settings.methods,
            claimed_logins: settings.claimed_logins,
            issuers: settings.issuers,
            name_claims: settings.name_claims,
            claims: settings.claims,
            without_permit: settings.without_permit,
            expires_in: settings.expires_in,
        })
    }

    fn describe() -> SettingsDoc {
        SettingsDoc::new(keys::KEYS).with("profiles.NAME", profile::KEYS)
    }

    fn decide(&self, request: &Request) -> Verdict {
        if !self.decides(request) {
            return Verdict::Abstain;
        }
        match self.permit(request) {
            Ok(permit) => permit.into(),
            Err(Refusal::NotPermitted(reason)) if self.without_permit == WithoutPermit::Abstain => {
                log::debug(reason);
                Verdict::Abstain
            }
            Err(Refusal::NotPermitted(reason) | Refusal::Denied(reason)) => Verdict::Deny(reason),
        }
    }
}

impl Cedar {
    fn decides(&self, request: &Request) -> bool {
        let method = request.method();
        let is_ours = method != Method::Oidc || self.issuers.decide(request);
        let is_proved = self.claimed_logins || request.strength() == Strength::Proved;
        is_ours && is_proved && self.methods.contains(&method)
    }

    fn permit(&self, request: &Request) -> Result<Permit, Refusal> {
        let name = self.user_name(request)?;
        let login = Login::new(request, &name, &self.claims, self.questions.types())?;
        let (account, mut deciders) = self.account(&login)?;
        let values = Values::new(request).account(account).user_name(&name);
        let mut combination = Combination::default();
        for (name, profile) in &self.profiles {
            let answer = self.questions.may_use(name, &login)?;
            if answer.is_permitted {
                combination
                    .add(name, profile, &values)
                    .map_err(|refusal| refusal.to_string())?;
                deciders.extend(answer.deciders);
            }
        }
        if combination.allows_nothing() {
            log::warn("the login may do nothing: Cedar permits no profile that allows a subject");
        }
        deciders.sort();
        deciders.dedup();
        log::info(format!("permitted by {}", deciders.join(", ")));
        let permit = combination.add_to(Permit::new(account).with_user_name(&name));
        Ok(match self.expires_in {
            Some(lifetime) => permit.limit_lifetime(lifetime),
            None => permit,
        })
    }

    fn user_name(&self, request: &Request) -> Result<String, String> {
        if request.method() == Method::Oidc {
            let name = self.issuers.user_name(request, &self.name_claims);
            return name.map_err(|error| error.to_string());
        }
        let name = request.principal();
        name.ok_or_else(|| "the login has no principal".to_owned())
    }

    /// Returns the first account that Cedar permits, with the policies that decided.
    fn account(&self, login: &Login) -> Result<(&str, Vec<String>), Refusal> {
        let mut reasons = Vec::with_capacity(self.accounts.len());
        let mut is_forbidden = false;
        for account in &self.accounts {
            let Answer {
                is_permitted,
                deciders,
            } = self.questions.may_connect(account, login)?;
            if is_permitted {
                return Ok((account, deciders));
            }
            is_forbidden |= !deciders.is_empty();
            reasons.push(if deciders.is_empty() {
                format!("no policy permits `{account}`")
            } else {
                format!("{} forbids `{account}`", deciders.join(", "))
            });
        }
        let reason = format!("no account to connect to: {}", reasons.join(", "));
        Err(if is_forbidden {
            Refusal::Denied(reason)
        } else {
            Refusal::NotPermitted(reason)
        })
    }
}

export!(Cedar);
