#![doc = include_str!("../README.md")]

mod check;
mod checked_role;
mod keys;
mod reasons;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_sdk::issuers::Issuers;
use portcullis_sdk::prelude::*;
use portcullis_sdk::profile::Combination;
use portcullis_sdk::template::{NameTemplate, Values};
use portcullis_sdk::{SettingsDoc, log, profile};

use checked_role::CheckedRole;
pub use settings::{DenyOnly, Role, Settings, WithoutRole};

/// The policy: the permissions of each role, and the account.
#[derive(Debug)]
pub struct OidcRoles {
    account: Option<NameTemplate>,
    role_claims: Vec<String>,
    space_separated_role_claims: Vec<String>,
    role_object_claims: Vec<String>,
    name_claims: Vec<String>,
    without_role: WithoutRole,
    deny_only: DenyOnly,
    issuers: Issuers,
    expires_in: Option<Duration>,
    roles: BTreeMap<String, CheckedRole>,
}

/// A role of the token that the settings define, with its name.
type Held<'policy> = (String, &'policy CheckedRole);

impl Policy for OidcRoles {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        let checked = check::check(&settings)?;
        Ok(Self {
            account: checked.account,
            role_claims: settings.role_claims,
            space_separated_role_claims: settings.space_separated_role_claims,
            role_object_claims: settings.role_object_claims,
            name_claims: settings.name_claims,
            without_role: settings.without_role,
            deny_only: settings.deny_only,
            issuers: settings.issuers,
            expires_in: settings.expires_in,
            roles: checked.roles,
        })
    }

    fn describe() -> SettingsDoc {
        SettingsDoc::new(keys::KEYS).with("roles.NAME", profile::KEYS)
    }

    fn decide(&self, request: &Request) -> Verdict {
        if request.method() != Method::Oidc || !self.issuers.decide(request) {
            return Verdict::Abstain;
        }
        let roles = self.roles_of(request);
        if roles.is_empty() {
            let texts = [&self.role_claims, &self.space_separated_role_claims];
            let texts = texts.into_iter().flatten();
            let reason = reasons::no_role(request, texts, &self.role_object_claims);
            match self.without_role {
                WithoutRole::Deny => return Verdict::Deny(reason),
                WithoutRole::Abstain => {
                    log::debug(reason);
                    return Verdict::Abstain;
                }
                WithoutRole::PermitNothing => {
                    log::warn(format!("the login may do nothing: {reason}"));
                }
            }
        }
        match self.permit(request, roles) {
            Ok(permit) => permit.into(),
            Err(reason) => Verdict::Deny(reason),
        }
    }
}

impl OidcRoles {
    /// Returns the token's roles that the settings define, in the order of the token, with
    /// duplicates.
    fn roles_of(&self, request: &Request) -> Vec<Held<'_>> {
        let mut names = Vec::new();
        for path in &self.role_claims {
            names.extend(request.claim_values(path));
        }
        for path in &self.space_separated_role_claims {
            for text in request.claim_values(path) {
                names.extend(text.split_whitespace().map(str::to_owned));
            }
        }
        for path in &self.role_object_claims {
            names.extend(request.claim_members(path));
        }
        let known = |name: String| self.roles.get(&name).map(|role| (name, role));
        names.into_iter().filter_map(known).collect()
    }

    /// Makes the permit of a login with these roles. The error is the reason to deny the login.
    fn permit(&self, request: &Request, roles: Vec<Held<'_>>) -> Result<Permit, String> {
        let values = Values::new(request);
        let held = !roles.is_empty();
        let (account, roles) = self.in_account(roles, &values)?;
        let name = self.issuers.user_name(request, &self.name_claims);
        let name = name.map_err(|error| error.to_string())?;
        let values = values.account(&account).user_name(&name);
        let mut combination = Combination::default();
        for (name, role) in roles {
            combination
                .add(&name, &role.profile, &values)
                .map_err(|refusal| refusal.to_string())?;
        }
        if self.deny_only == DenyOnly::AllowRest {
            combination.allow_rest();
        }
        if held && combination.allows_nothing() {
            log::warn(reasons::NOTHING_ALLOWED);
        }
        let permit = combination.add_to(Permit::new(account).with_user_name(name));
        Ok(match self.expires_in {
            Some(lifetime) => permit.limit_lifetime(lifetime),
            None => permit,
        })
    }

    /// Returns the account of the first role that names one, and the roles that do not name a
    /// different one.
    fn in_account<'policy>(
        &self,
        roles: Vec<Held<'policy>>,
        values: &Values<'_>,
    ) -> Result<(String, Vec<Held<'policy>>), String> {
        let mut decided = None;
        let mut held = Vec::with_capacity(roles.len());
        for (name, role) in roles {
            if let Some(template) = &role.account {
                let account = template
                    .name(values)
                    .map_err(|unfilled| format!("`{name}`, account: {unfilled}"))?;
                if *decided.get_or_insert_with(|| account.clone()) != account {
                    continue;
                }
            }
            held.push((name, role));
        }
        let account = match (decided, &self.account) {
            (Some(account), _) => account,
            (None, Some(template)) => template
                .name(values)
                .map_err(|unfilled| format!("account: {unfilled}"))?,
            (None, None) => return Err("no role of the login names an account".to_owned()),
        };
        Ok((account, held))
    }
}

export!(OidcRoles);
