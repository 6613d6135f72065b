//! One rule, checked, and whom it fits.

use std::time::Duration;

use portcullis_sdk::profile::Profile;
use portcullis_sdk::template::{GrantTemplates, TemplateError, Values};
use portcullis_sdk::{Permit, SettingsError};

use crate::login::Login;
use crate::pattern::Pattern;
use crate::settings::{Rule as RuleSettings, Settings};

/// The digits of a SHA-256 digest.
const DIGITS: usize = 64;

/// One rule, checked.
#[derive(Debug)]
pub(crate) struct Rule {
    patterns: Vec<(Kind, Pattern)>,
    fingerprints: Vec<String>,
    account: String,
    expires_in: Option<Duration>,
    grants: GrantTemplates,
    bounds: Profile,
}

/// What a pattern is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Spiffe,
    Dns,
    Uri,
    Email,
    Subject,
    ServiceAccount,
}

/// How a rule fits a login.
#[derive(Debug)]
pub(crate) struct Fit {
    /// The name that fits its first pattern, or the fingerprint.
    name: String,
    /// What the wildcards of all patterns stand for.
    captures: Vec<String>,
}

impl Kind {
    const fn separator(self) -> char {
        match self {
            Self::Spiffe | Self::Uri | Self::ServiceAccount => '/',
            Self::Dns => '.',
            Self::Email => '@',
            Self::Subject => ',',
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Spiffe => "spiffe",
            Self::Dns => "dns",
            Self::Uri => "uri",
            Self::Email => "email",
            Self::Subject => "subject",
            Self::ServiceAccount => "service-account",
        }
    }
}

impl Rule {
    /// Reads the rule at `path`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub(crate) fn read(
        rule: &RuleSettings,
        path: &str,
        settings: &Settings,
    ) -> Result<Self, Vec<SettingsError>> {
        let mut problems = Vec::new();
        let mut problem = |key: &str, message: &str| {
            problems.push(SettingsError::at(format!("{path}{key}"), message));
        };
        let patterns = patterns(rule, &mut problem);
        if rule.service_account.is_some() && settings.kubernetes_issuers.is_empty() {
            let message =
                "whose service accounts: list the clusters' issuers in `kubernetes-issuers`";
            problem(".service-account", message);
        }
        for fingerprint in &rule.fingerprints {
            let digits = fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
            if fingerprint.len() != DIGITS || !digits {
                problem(
                    ".fingerprints",
                    "expected 64 hexadecimal digits, without colons",
                );
            }
        }
        let too_short = |lifetime: Duration| lifetime < Duration::from_secs(1);
        if rule.expires_in.is_some_and(too_short) {
            problem(".expires-in", "shorter than a second");
        }
        let account = rule.account.as_ref().or(settings.default_account.as_ref());
        match account {
            None => problem(
                ".account",
                "no account: set `account` here, or `default-account`",
            ),
            Some(account) => {
                for found in Permit::new(account).problems() {
                    problem(".account", &found);
                }
            }
        }
        let wildcards = patterns
            .iter()
            .map(|(_, pattern)| pattern.wildcards())
            .sum();
        let names: Vec<String> = (1..=wildcards).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let grants = GrantTemplates::parse(&rule.profile(), path, &names).unwrap_or_else(|found| {
            problems.extend(found);
            GrantTemplates::default()
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            patterns,
            fingerprints: rule
                .fingerprints
                .iter()
                .map(|digits| digits.to_lowercase())
                .collect(),
            account: account.cloned().unwrap_or_default(),
            expires_in: rule.expires_in,
            grants,
            bounds: rule.bounds(),
        })
    }

    /// How it fits a login; not at all unless every one of its patterns does.
    pub(crate) fn fit(&self, login: &Login<'_>) -> Option<Fit> {
        let mut fit = Fit {
            name: String::new(),
            captures: Vec::new(),
        };
        if !self.fingerprints.is_empty() {
            let found = login.fingerprint()?;
            let known = self.fingerprints.iter().find(|known| **known == found);
            fit.name.clone_from(known?);
        }
        for (kind, pattern) in self.patterns.iter().rev() {
            let names = login.names(*kind);
            let fitting = names
                .iter()
                .find_map(|name| Some((name, pattern.captures(name)?)));
            let (name, captures) = fitting?;
            let owned = captures.into_iter().map(str::to_owned);
            fit.captures.splice(0..0, owned);
            fit.name.clone_from(name);
        }
        Some(fit)
    }

    /// What a login gets that it fits.
    ///
    /// # Errors
    ///
    /// When a denied subject has no value, or there are too many.
    pub(crate) fn permit(&self, fit: &Fit, login: &Login<'_>) -> Result<Permit, TemplateError> {
        let mut values = Values::of(login.request());
        for (index, capture) in fit.captures.iter().enumerate() {
            values = values.with((index + 1).to_string(), capture);
        }
        let grants = self.grants.expand(&values)?;
        let permit = Permit::new(&self.account).user_name(&fit.name);
        let permit = self.bounds.grant(grants.grant(permit));
        Ok(match self.expires_in {
            Some(lifetime) => permit.expires_in(lifetime),
            None => permit,
        })
    }
}

fn patterns(rule: &RuleSettings, problem: &mut impl FnMut(&str, &str)) -> Vec<(Kind, Pattern)> {
    let texts = [
        (Kind::Spiffe, &rule.spiffe),
        (Kind::Dns, &rule.dns),
        (Kind::Uri, &rule.uri),
        (Kind::Email, &rule.email),
        (Kind::Subject, &rule.subject),
        (Kind::ServiceAccount, &rule.service_account),
    ];
    if texts.iter().all(|(_, text)| text.is_none()) && rule.fingerprints.is_empty() {
        problem(
            "",
            "it is for nobody: give it a pattern such as `spiffe`, or `fingerprints`",
        );
    }
    let mut patterns = Vec::new();
    for (kind, text) in texts {
        let Some(text) = text else { continue };
        match Pattern::parse(text, kind.separator()) {
            Ok(pattern) => patterns.push((kind, pattern)),
            Err(message) => {
                let message = format!("invalid pattern `{}`: {message}", text.escape_debug());
                problem(&format!(".{}", kind.key()), &message);
            }
        }
    }
    patterns
}
