#![doc = include_str!("../README.md")]

mod check;
mod checked_rule;
mod keys;
mod kind;
mod pattern;
mod proof;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use portcullis_sdk::prelude::*;
use portcullis_sdk::profile::Combination;
use portcullis_sdk::template::{NameTemplate, Values};
use portcullis_sdk::{SettingsDoc, profile};

use checked_rule::{CheckedRule, NAME};
use kind::Kind;
use proof::Proof;
pub use settings::{Beside, Rule, Settings, WithoutRule};

/// The policy: rules in their order, and the defaults of the settings.
#[derive(Debug)]
pub struct Workload {
    account: Option<NameTemplate>,
    issuers: Vec<String>,
    beside: Vec<Beside>,
    without_rule: WithoutRule,
    rules: Vec<CheckedRule>,
}

/// A rule that matches a login.
struct Match<'policy> {
    rule: &'policy CheckedRule,
    name: String,
    captures: Vec<String>,
}

impl Policy for Workload {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        let checked = check::check(&settings)?;
        Ok(Self {
            account: checked.account,
            issuers: settings.issuers,
            beside: settings.beside,
            without_rule: settings.without_rule,
            rules: checked.rules,
        })
    }

    fn describe() -> SettingsDoc {
        SettingsDoc::new(keys::KEYS).with("rules[]", profile::KEYS)
    }

    fn decide(&self, request: &Request) -> Verdict {
        let Some(proof) = self.proof(request) else {
            return Verdict::Abstain;
        };
        match (self.find(request, &proof), self.without_rule) {
            (Some(found), _) => match self.permit(request, found) {
                Ok(permit) => permit.into(),
                Err(reason) => Verdict::Deny(reason),
            },
            (None, WithoutRule::Deny) => Verdict::deny("no rule for this workload"),
            (None, WithoutRule::Abstain) => Verdict::Abstain,
        }
    }
}

impl Workload {
    /// Returns the proof of a login; `None` if it is not a login of a workload.
    fn proof(&self, request: &Request) -> Option<Proof> {
        let method = request.method();
        if method == Method::Oidc {
            let issuer = request.issuer()?;
            let of_rules = self.rules.iter().flat_map(|rule| &rule.issuers);
            let mut known = self.issuers.iter().chain(of_rules);
            return known
                .any(|known| *known == issuer)
                .then_some(Proof::Token { issuer });
        }
        let counts = method == Method::Certificate
            || self.beside.iter().any(|beside| beside.method() == method);
        (counts && request.certificate().verified()).then_some(Proof::Certificate)
    }

    /// Returns the first rule that matches the login.
    fn find(&self, request: &Request, proof: &Proof) -> Option<Match<'_>> {
        let mut asked: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
        self.rules
            .iter()
            .filter(|rule| rule.can_be_about(proof))
            .find_map(|rule| {
                let kind = rule.kind;
                let names = || kind.names(request, proof);
                let names = asked.entry(kind).or_insert_with(names);
                names.iter().find_map(|name| {
                    Some(Match {
                        rule,
                        name: name.clone(),
                        captures: rule.pattern.captures(name)?,
                    })
                })
            })
    }

    /// Makes the permit of a login that a rule matches. The error is the reason to deny the login.
    fn permit(&self, request: &Request, found: Match<'_>) -> Result<Permit, String> {
        let Match {
            rule,
            name,
            captures,
        } = found;
        let mut values = Values::new(request).with(NAME, name);
        for (number, capture) in (1_u32..).zip(captures) {
            values = values.with(number.to_string(), capture);
        }
        let key = &rule.key;
        let Some(account) = rule.account.as_ref().or(self.account.as_ref()) else {
            return Err(format!("`{key}` names no account"));
        };
        let account = account
            .name(&values)
            .map_err(|unfilled| format!("`{key}`, account: {unfilled}"))?;
        let user_name = rule
            .user_name
            .name(&values)
            .map_err(|unfilled| format!("`{key}`, user-name: {unfilled}"))?;
        let values = values.account(&account).user_name(&user_name);
        let mut combination = Combination::default();
        combination
            .add(key, &rule.profile, &values)
            .map_err(|refusal| refusal.to_string())?;
        let permit = combination.add_to(Permit::new(account).with_user_name(user_name));
        Ok(match rule.expires_in {
            Some(lifetime) => permit.limit_lifetime(lifetime),
            None => permit,
        })
    }
}

export!(Workload);
