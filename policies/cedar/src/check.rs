//! Checks of the settings, and what is made of them.

use std::collections::BTreeMap;

use policy_support::lifetime_problem;
use portcullis_sdk::profile::ProfileTemplate;
use portcullis_sdk::template::NameTemplate;
use portcullis_sdk::{Method, SettingsError};

use crate::settings::Settings;

/// Returns the problems of the settings apart from the text, and the profiles.
pub(crate) fn check(
    settings: &Settings,
) -> Result<BTreeMap<String, ProfileTemplate>, SettingsError> {
    let mut problems = settings.issuers.problems("issuers");
    if settings.accounts.is_empty() {
        problems.push(SettingsError::at(
            "accounts",
            "no account to connect to: name at least one",
        ));
    }
    for account in &settings.accounts {
        // A name without places is checked like a template.
        if let Err(error) = NameTemplate::account(account, &[]) {
            problems.push(SettingsError::at("accounts", error));
        } else if account.contains("{{") {
            let problem =
                format!("`{account}` has a place: Cedar is asked about an account by name");
            problems.push(SettingsError::at("accounts", problem));
        }
    }
    if settings.methods.is_empty() {
        problems.push(SettingsError::at(
            "methods",
            "no method, so no login is decided: leave the key out for tokens",
        ));
    }
    for method in &settings.methods {
        if let Method::Other(word) = method {
            let problem = format!("unknown method `{}`", word.escape_debug());
            problems.push(SettingsError::at("methods", problem));
        }
    }
    if settings.name_claims.iter().any(String::is_empty) {
        problems.push(SettingsError::at(
            "name-claims",
            "an empty text names nothing",
        ));
    }
    problems.extend(lifetime_problem("expires-in", settings.expires_in));
    let profiles = profiles(settings, &mut problems);
    SettingsError::check(problems)?;
    Ok(profiles)
}

fn profiles(
    settings: &Settings,
    problems: &mut Vec<SettingsError>,
) -> BTreeMap<String, ProfileTemplate> {
    let mut profiles = BTreeMap::new();
    for (name, profile) in &settings.profiles {
        let key = format!("profiles.{name}");
        match profile.template(&key, &[]) {
            Ok(profile) => {
                if settings.methods.contains(&Method::Oidc) {
                    problems.extend(settings.issuers.problem_of(&profile, &key));
                }
                profiles.insert(name.clone(), profile);
            }
            Err(error) => problems.push(error),
        }
    }
    profiles
}
