//! Checks of the settings, and the templates made from them.

use std::collections::BTreeMap;

use policy_support::{lifetime_problem, literal_problem};
use portcullis_sdk::SettingsError;
use portcullis_sdk::template::NameTemplate;

use crate::checked_role::CheckedRole;
use crate::settings::{Settings, WithoutRole};

/// The templates that `check` makes from the settings.
pub(crate) struct Checked {
    pub(crate) account: Option<NameTemplate>,
    pub(crate) roles: BTreeMap<String, CheckedRole>,
}

pub(crate) fn check(settings: &Settings) -> Result<Checked, SettingsError> {
    let mut problems = Vec::new();
    let account = account("account", settings.account.as_deref(), &mut problems);
    check_claims(settings, &mut problems);
    problems.extend(lifetime_problem("expires-in", settings.expires_in));
    let roles = roles(settings, &mut problems);
    problems.extend(no_account(settings));
    SettingsError::check(problems)?;
    Ok(Checked { account, roles })
}

fn roles(settings: &Settings, problems: &mut Vec<SettingsError>) -> BTreeMap<String, CheckedRole> {
    let mut roles = BTreeMap::new();
    for (name, role) in &settings.roles {
        let key = format!("roles.{name}");
        problems.extend(literal_problem(
            &key,
            name,
            "write the role as the token has it",
        ));
        let account = account(&format!("{key}.account"), role.account.as_deref(), problems);
        match role.profile().template(&key, &[]) {
            Ok(profile) => {
                problems.extend(settings.issuers.problem_of(&profile, &key));
                roles.insert(name.clone(), CheckedRole { account, profile });
            }
            Err(error) => problems.push(error),
        }
    }
    roles
}

fn account(
    key: &str,
    text: Option<&str>,
    problems: &mut Vec<SettingsError>,
) -> Option<NameTemplate> {
    match NameTemplate::account(text?, &[]) {
        Ok(account) => Some(account),
        Err(error) => {
            problems.push(SettingsError::at(key, error));
            None
        }
    }
}

fn check_claims(settings: &Settings, problems: &mut Vec<SettingsError>) {
    let lists = [
        ("role-claims", &settings.role_claims),
        (
            "space-separated-role-claims",
            &settings.space_separated_role_claims,
        ),
        ("role-object-claims", &settings.role_object_claims),
        ("name-claims", &settings.name_claims),
    ];
    for (key, list) in lists {
        if list.iter().any(String::is_empty) {
            problems.push(SettingsError::at(key, "an empty text names nothing"));
        }
        problems.extend(list.iter().filter_map(|path| {
            literal_problem(key, path, "write the claim's path, such as `org.roles`")
        }));
    }
    problems.extend(settings.issuers.problems("issuers"));
    let sources = [
        &settings.role_claims,
        &settings.space_separated_role_claims,
        &settings.role_object_claims,
    ];
    if sources.iter().all(|claims| claims.is_empty()) {
        problems.push(SettingsError::at(
            "role-claims",
            "no claim to read roles from: name one here, in `space-separated-role-claims` or in `role-object-claims`",
        ));
    }
}

/// Returns the problem that a login could be permitted without an account.
fn no_account(settings: &Settings) -> Option<SettingsError> {
    if settings.account.is_some() {
        return None;
    }
    let without = settings
        .roles
        .iter()
        .find(|(_, role)| role.account.is_none());
    match without {
        Some((name, _)) => Some(SettingsError::at(
            format!("roles.{name}.account"),
            "no account: set `account` here, or for all roles in `[settings]`",
        )),
        None if settings.without_role == WithoutRole::PermitNothing => Some(SettingsError::at(
            "account",
            "no account for logins without a role: set `account`, or `without-role` to `deny` or `abstain`",
        )),
        None => None,
    }
}
