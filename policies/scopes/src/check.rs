//! Checks of the settings, and the templates made from them.

use policy_support::{lifetime_problem, literal_problem};
use portcullis_sdk::SettingsError;
use portcullis_sdk::template::NameTemplate;

use crate::known_scope::KnownScope;
use crate::settings::Settings;

/// The templates and scopes that `check` makes from the settings.
pub(crate) struct Checked {
    pub(crate) default_account: Option<NameTemplate>,
    pub(crate) scopes: Vec<KnownScope>,
}

pub(crate) fn check(settings: &Settings) -> Result<Checked, SettingsError> {
    let mut problems = Vec::new();
    check_claims(settings, &mut problems);
    let default_account = default_account(settings, &mut problems);
    problems.extend(lifetime_problem("expires-in", settings.expires_in));
    let scopes = scopes(settings, &mut problems);
    SettingsError::check(problems)?;
    Ok(Checked {
        default_account,
        scopes,
    })
}

fn scopes(settings: &Settings, problems: &mut Vec<SettingsError>) -> Vec<KnownScope> {
    let mut scopes = Vec::with_capacity(settings.scopes.len());
    for (name, profile) in &settings.scopes {
        let key = format!("scopes.{name}");
        problems.extend(literal_problem(
            &key,
            name,
            "write the scope as the token has it",
        ));
        let pattern = name
            .parse()
            .map_err(|invalid: crate::scope::InvalidPattern| {
                problems.push(SettingsError::at(&key, invalid));
            });
        let profile = profile
            .template(&key, &[])
            .map_err(|error| problems.push(error));
        if let Ok(profile) = &profile {
            problems.extend(settings.issuers.problem_of(profile, &key));
        }
        if let (Ok(pattern), Ok(profile)) = (pattern, profile) {
            scopes.push(KnownScope {
                name: name.clone(),
                pattern,
                profile,
            });
        }
    }
    scopes
}

fn default_account(settings: &Settings, problems: &mut Vec<SettingsError>) -> Option<NameTemplate> {
    let Some(text) = &settings.default_account else {
        if settings.account_claim.is_none() {
            problems.push(SettingsError::at(
                "account-claim",
                "no account: name the claim that holds it, or set `default-account` for all",
            ));
        }
        return None;
    };
    NameTemplate::account(text, &[])
        .map_err(|error| problems.push(SettingsError::at("default-account", error)))
        .ok()
}

fn check_claims(settings: &Settings, problems: &mut Vec<SettingsError>) {
    let account_claim: Vec<_> = settings.account_claim.iter().cloned().collect();
    let lists = [
        ("scope-claims", &settings.scope_claims),
        ("account-claim", &account_claim),
        ("name-claims", &settings.name_claims),
    ];
    for (key, list) in lists {
        if list.iter().any(String::is_empty) {
            problems.push(SettingsError::at(key, "an empty text names nothing"));
        }
        problems.extend(list.iter().filter_map(|path| {
            literal_problem(key, path, "write the claim's path, such as `org.id`")
        }));
    }
    problems.extend(settings.issuers.problems("issuers"));
    if settings.scope_claims.is_empty() {
        problems.push(SettingsError::at(
            "scope-claims",
            "no claim to read scopes from: name one, as `scope`",
        ));
    }
}
