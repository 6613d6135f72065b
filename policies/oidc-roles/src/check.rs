//! From settings to roles, with everything that is wrong with them.

use std::time::Duration;

use portcullis_sdk::template::GrantTemplates;
use portcullis_sdk::{Permit, SettingsError};

use crate::Role;
use crate::settings::{Settings, WithoutRole};

/// Every role, by name.
pub(crate) fn roles(settings: &Settings) -> Result<Vec<(String, Role)>, SettingsError> {
    let mut problems = settings.bounds().problems("");
    check_account(settings, &mut problems);
    if settings.role_claims.is_empty() && settings.space_separated_role_claims.is_empty() {
        let message =
            "nowhere to look for roles: name a claim here or in `space-separated-role-claims`";
        problems.push(SettingsError::at("role-claims", message));
    }
    let too_short = |lifetime: Duration| lifetime < Duration::from_secs(1);
    if settings.expires_in.is_some_and(too_short) {
        problems.push(SettingsError::at("expires-in", "shorter than a second"));
    }
    let mut roles = Vec::with_capacity(settings.roles.len());
    for (name, role) in &settings.roles {
        let path = format!("roles.{name}");
        if let Some(account) = &role.account {
            check_name(&format!("{path}.account"), account, &mut problems);
        }
        match GrantTemplates::parse(&role.profile(), &path, &[]) {
            Ok(grants) => {
                let account = role.account.clone();
                roles.push((name.clone(), Role { account, grants }));
            }
            Err(found) => problems.extend(found),
        }
    }
    SettingsError::check(problems)?;
    Ok(roles)
}

fn check_account(settings: &Settings, problems: &mut Vec<SettingsError>) {
    if let Some(account) = &settings.account {
        return check_name("account", account, problems);
    }
    let homeless = settings
        .roles
        .iter()
        .find(|(_, role)| role.account.is_none());
    let message = match homeless {
        Some((name, _)) => format!("missing: the role `{name}` names no account of its own"),
        None if settings.without_role == WithoutRole::PermitNothing => {
            "missing: logins without a role are let in, and have to be somewhere; or set `without-role = \"deny\"`"
                .to_owned()
        }
        None => return,
    };
    problems.push(SettingsError::at("account", message));
}

fn check_name(path: &str, account: &str, problems: &mut Vec<SettingsError>) {
    let found = Permit::new(account).problems();
    problems.extend(
        found
            .into_iter()
            .map(|found| SettingsError::at(path, found)),
    );
}
