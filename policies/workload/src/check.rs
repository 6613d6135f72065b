//! Checks of the settings, and the rules made from them.

use std::time::Duration;

use policy_support::lifetime_problem;
use portcullis_sdk::SettingsError;
use portcullis_sdk::template::{NameTemplate, TemplateError};

use crate::checked_rule::{CheckedRule, NAME};
use crate::kind::Kind;
use crate::pattern::Pattern;
use crate::proof::TRUST_DOMAIN;
use crate::settings::{Rule, Settings};

/// The templates and rules that `check` makes from the settings.
pub(crate) struct Checked {
    pub(crate) account: Option<NameTemplate>,
    pub(crate) rules: Vec<CheckedRule>,
}

/// The problems found below one key of the settings.
struct Problems {
    key: String,
    found: Vec<SettingsError>,
}

type Parse = fn(&str, &[&str]) -> Result<NameTemplate, TemplateError>;

pub(crate) fn check(settings: &Settings) -> Result<Checked, SettingsError> {
    let mut problems = Problems::below("");
    let account = settings.account.as_deref();
    let account = problems.name("account", account, NameTemplate::account, &[]);
    problems.issuers(&settings.issuers);
    problems.lifetime(settings.expires_in);
    let mut found = problems.found;
    let mut rules = Vec::with_capacity(settings.rules.len());
    for (index, rule) in settings.rules.iter().enumerate() {
        match checked_rule(settings, format!("rules[{index}]"), rule) {
            Ok(rule) => rules.push(rule),
            Err(problems) => found.extend(problems),
        }
    }
    SettingsError::check(found)?;
    Ok(Checked { account, rules })
}

fn checked_rule(
    settings: &Settings,
    key: String,
    rule: &Rule,
) -> Result<CheckedRule, Vec<SettingsError>> {
    let mut problems = Problems::below(&key);
    problems.issuers(rule.issuers.as_deref().unwrap_or_default());
    problems.lifetime(rule.expires_in);
    problems.missing(settings, rule);
    let Some((kind, pattern)) = problems.matcher(rule) else {
        // Without a valid pattern the captures are unknown, so the templates cannot be checked yet.
        return Err(problems.found);
    };
    let captures: Vec<_> = (1..=pattern.wildcards())
        .map(|number| number.to_string())
        .collect();
    let own: Vec<_> = std::iter::once(NAME)
        .chain(captures.iter().map(String::as_str))
        .collect();
    let account = rule.account.as_deref();
    let account = problems.name("account", account, NameTemplate::account, &own);
    let user_name = rule.user_name.as_deref().or(Some("{{name}}"));
    let user_name = problems.name("user-name", user_name, NameTemplate::user_name, &own);
    let profile = rule.profile().template(&key, &own);
    match (user_name, profile, problems.found.is_empty()) {
        (Some(user_name), Ok(profile), true) => Ok(CheckedRule {
            key,
            kind,
            pattern,
            issuers: issuers(settings, rule).to_vec(),
            account,
            user_name,
            expires_in: rule.expires_in.or(settings.expires_in),
            profile,
        }),
        (_, profile, _) => {
            problems.found.extend(profile.err());
            Err(problems.found)
        }
    }
}

/// Returns the issuers whose tokens count for a rule: its own, else those of the settings.
fn issuers<'settings>(settings: &'settings Settings, rule: &'settings Rule) -> &'settings [String] {
    rule.issuers.as_ref().unwrap_or(&settings.issuers)
}

impl Problems {
    fn below(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            found: Vec::new(),
        }
    }

    fn at(&mut self, key: &str, message: &str) {
        let key = self.full(key);
        self.found.push(SettingsError::at(key, message));
    }

    fn full(&self, key: &str) -> String {
        let dot = if self.key.is_empty() || key.is_empty() {
            ""
        } else {
            "."
        };
        format!("{}{dot}{key}", self.key)
    }

    /// Adds problems for keys that are missing in a rule and in the settings, or that do not apply
    /// to the rule.
    fn missing(&mut self, settings: &Settings, rule: &Rule) {
        let is_about_tokens = rule.service_account.is_some();
        if is_about_tokens && issuers(settings, rule).is_empty() {
            self.at(
                "issuers",
                "no issuer: name those whose tokens prove service accounts, here or for all rules in `[settings]`",
            );
        }
        let is_trust_domain = |issuer: &String| issuer.starts_with(TRUST_DOMAIN);
        let own = rule.issuers.as_ref().filter(|_| !is_about_tokens);
        let is_wrong =
            |own: &Vec<String>| rule.spiffe.is_none() || !own.iter().all(is_trust_domain);
        if own.is_some_and(is_wrong) {
            self.at(
                "issuers",
                "only tokens have issuers: leave it out of a rule about certificates, or name trust domains (`spiffe://…`) in one about \
                 SPIFFE ids",
            );
        }
        if rule.account.is_none() && settings.account.is_none() {
            self.at(
                "account",
                "no account: set `account` here, or for all rules in `[settings]`",
            );
        }
    }

    /// Returns the single pattern of a rule.
    fn matcher(&mut self, rule: &Rule) -> Option<(Kind, Pattern)> {
        match Kind::patterns(rule).as_slice() {
            [] => self.at(
                "",
                "the rule is about no client: set one of `spiffe`, `uri`, `dns`, `email`, `subject`, `fingerprint` and \
                 `service-account`",
            ),
            [(kind, text)] => match Pattern::parse(*kind, text) {
                Ok(pattern) => return Some((*kind, pattern)),
                Err(invalid) => {
                    let shown = text.escape_debug();
                    self.at(&kind.to_string(), &format!("invalid pattern `{shown}`: {invalid}"));
                }
            },
            [(one, _), (other, _), ..] => self.at(
                "",
                &format!("both `{one}` and `{other}`: a rule is about one of them; make two rules"),
            ),
        }
        None
    }

    fn name(
        &mut self,
        key: &str,
        text: Option<&str>,
        parse: Parse,
        own: &[&str],
    ) -> Option<NameTemplate> {
        match parse(text?, own) {
            Ok(name) => Some(name),
            Err(error) => {
                self.at(key, &error.to_string());
                None
            }
        }
    }

    fn issuers(&mut self, issuers: &[String]) {
        if issuers.iter().any(String::is_empty) {
            self.at("issuers", "an empty text names nothing");
        }
    }

    fn lifetime(&mut self, lifetime: Option<Duration>) {
        let key = self.full("expires-in");
        self.found.extend(lifetime_problem(&key, lifetime));
    }
}
