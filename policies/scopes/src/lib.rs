#![doc = include_str!("../README.md")]

mod check;
mod keys;
mod known_scope;
mod scope;
mod settings;
#[cfg(test)]
mod tests;

use std::time::Duration;

use portcullis_sdk::issuers::Issuers;
use portcullis_sdk::prelude::*;
use portcullis_sdk::profile::Combination;
use portcullis_sdk::template::{NameTemplate, Unfilled, Values, account_from};
use portcullis_sdk::{SettingsDoc, log, profile};

use known_scope::KnownScope;
pub use settings::{Settings, WithoutScope};

/// The policy: the permissions of each scope, and the account.
#[derive(Debug)]
pub struct Scopes {
    scope_claims: Vec<String>,
    account_claim: Option<String>,
    default_account: Option<NameTemplate>,
    name_claims: Vec<String>,
    without_scope: WithoutScope,
    issuers: Issuers,
    expires_in: Option<Duration>,
    known: Vec<KnownScope>,
}

impl Policy for Scopes {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        let checked = check::check(&settings)?;
        Ok(Self {
            scope_claims: settings.scope_claims,
            account_claim: settings.account_claim,
            default_account: checked.default_account,
            name_claims: settings.name_claims,
            without_scope: settings.without_scope,
            issuers: settings.issuers,
            expires_in: settings.expires_in,
            known: checked.scopes,
        })
    }

    fn describe() -> SettingsDoc {
        SettingsDoc::new(keys::KEYS).with("scopes.NAME", profile::KEYS)
    }

    fn decide(&self, request: &Request) -> Verdict {
        if request.method() != Method::Oidc || !self.issuers.decide(request) {
            return Verdict::Abstain;
        }
        let scopes = self.scopes_of(request);
        if scopes.is_empty() {
            let reason = self.no_scope(request);
            match self.without_scope {
                WithoutScope::Deny => return Verdict::Deny(reason),
                WithoutScope::Abstain => {
                    log::debug(reason);
                    return Verdict::Abstain;
                }
                WithoutScope::PermitNothing => {
                    log::warn(format!("the login may do nothing: {reason}"));
                }
            }
        }
        match self.permit(request, &scopes) {
            Ok(permit) => permit.into(),
            Err(reason) => Verdict::Deny(reason),
        }
    }
}

impl Scopes {
    /// Returns the entries of the settings that match the token's scopes, in the order of the
    /// token, without duplicates.
    fn scopes_of(&self, request: &Request) -> Vec<&KnownScope> {
        let mut held: Vec<&KnownScope> = Vec::new();
        for path in &self.scope_claims {
            let texts = request.claim_values(path);
            for scope in texts.iter().flat_map(|text| text.split_whitespace()) {
                for known in &self.known {
                    let is_new = !held.iter().any(|held| held.name == known.name);
                    if is_new && known.pattern.matches(scope) {
                        held.push(known);
                    }
                }
            }
        }
        held
    }

    /// Returns the reason why the settings define no scope of the login, claim by claim. The text
    /// shows no value of the token.
    fn no_scope(&self, request: &Request) -> String {
        let found = |path: &String| {
            let what = if request.claim_json(path).is_none() {
                "is absent"
            } else if request.claim_values(path).iter().all(String::is_empty) {
                "has no text"
            } else {
                "has only values that are no scope of the settings"
            };
            format!("`{path}` {what}")
        };
        let found: Vec<_> = self.scope_claims.iter().map(found).collect();
        format!("no mapped scope: {}", found.join(", "))
    }

    /// Makes the permit of a login with these scopes. The error is the reason to deny the login.
    fn permit(&self, request: &Request, scopes: &[&KnownScope]) -> Result<Permit, String> {
        let values = Values::new(request);
        let account = self
            .account(request, &values)
            .map_err(|unfilled| format!("account: {unfilled}"))?;
        let name = self.issuers.user_name(request, &self.name_claims);
        let name = name.map_err(|error| error.to_string())?;
        let values = values.account(&account).user_name(&name);
        let mut combination = Combination::default();
        for scope in scopes {
            combination
                .add(&scope.name, &scope.profile, &values)
                .map_err(|refusal| refusal.to_string())?;
        }
        if !scopes.is_empty() && combination.allows_nothing() {
            log::warn(
                "the login may do nothing: its scopes allow nothing, or only subjects whose places have no value",
            );
        }
        let permit = combination.add_to(Permit::new(account).with_user_name(name));
        Ok(match self.expires_in {
            Some(lifetime) => permit.limit_lifetime(lifetime),
            None => permit,
        })
    }

    /// Returns the account that the claim names. The default account applies only if the claim is
    /// missing.
    fn account(&self, request: &Request, values: &Values<'_>) -> Result<String, Unfilled> {
        let named = match &self.account_claim {
            Some(path) => account_from(request, path),
            None => Err(Unfilled::Missing("account".to_owned())),
        };
        match (named, &self.default_account) {
            (Err(Unfilled::Missing(_)), Some(template)) => template.name(values),
            (named, _) => named,
        }
    }
}

export!(Scopes);
