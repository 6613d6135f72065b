#![doc = include_str!("../README.md")]

mod login;
mod pattern;
mod rule;
mod settings;
#[cfg(test)]
mod tests;

use portcullis_sdk::prelude::*;

use login::Login;
use rule::Rule;

pub use pattern::Pattern;
pub use settings::{Rule as RuleSettings, Settings};

/// The policy: its rules, in their order.
#[derive(Debug)]
pub struct Workload {
    rules: Vec<Rule>,
    kubernetes_issuers: Vec<String>,
}

impl Policy for Workload {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        let mut problems = Vec::new();
        let mut rules = Vec::with_capacity(settings.rules.len());
        for (index, rule) in settings.rules.iter().enumerate() {
            match Rule::read(rule, &format!("rules.{index}"), &settings) {
                Ok(rule) => rules.push(rule),
                Err(found) => problems.extend(found),
            }
        }
        SettingsError::check(problems)?;
        Ok(Self {
            rules,
            kubernetes_issuers: settings.kubernetes_issuers,
        })
    }

    fn decide(&self, request: &Request) -> Verdict {
        let login = Login::new(request, &self.kubernetes_issuers);
        let mut rules = self.rules.iter();
        let Some((rule, fit)) = rules.find_map(|rule| Some((rule, rule.fit(&login)?))) else {
            return Verdict::Abstain;
        };
        match rule.permit(&fit, &login) {
            Ok(permit) => permit.into(),
            Err(error) => Verdict::deny(error.to_string()),
        }
    }
}

export!(Workload);
