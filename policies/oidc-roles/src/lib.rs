#![doc = include_str!("../README.md")]

mod check;
mod settings;
#[cfg(test)]
mod tests;

use std::time::Duration;

use portcullis_sdk::prelude::*;
use portcullis_sdk::profile::{Profile, Subjects};
use portcullis_sdk::template::{GrantTemplates, Grants, SubjectTemplates, TemplateError, Values};

pub use settings::{DenyOnly, Role as RoleSettings, Settings, WithoutRole};

/// The policy: every role with what it grants.
#[derive(Debug)]
pub struct OidcRoles {
    account: Option<String>,
    roles: Vec<(String, Role)>,
    role_claims: Vec<String>,
    space_separated_role_claims: Vec<String>,
    name_claims: Vec<String>,
    without_role: WithoutRole,
    deny_only: DenyOnly,
    issuers: Vec<String>,
    expires_in: Option<Duration>,
    bounds: Profile,
}

/// One role, checked.
#[derive(Debug)]
struct Role {
    account: Option<String>,
    grants: GrantTemplates,
}

impl Policy for OidcRoles {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            roles: check::roles(&settings)?,
            bounds: settings.bounds(),
            account: settings.account,
            role_claims: settings.role_claims,
            space_separated_role_claims: settings.space_separated_role_claims,
            name_claims: settings.name_claims,
            without_role: settings.without_role,
            deny_only: settings.deny_only,
            issuers: settings.issuers,
            expires_in: settings.expires_in,
        })
    }

    fn decide(&self, request: &Request) -> Verdict {
        if request.method() != Method::Oidc || !self.is_for_us(request) {
            return Verdict::Abstain;
        }
        let roles = self.roles(request);
        match (roles.is_empty(), self.without_role) {
            (true, WithoutRole::Deny) => return Verdict::deny("no mapped role in the token"),
            (true, WithoutRole::Abstain) => return Verdict::Abstain,
            _ => {}
        }
        let Some(account) = self.account(&roles) else {
            return Verdict::deny("no role of the token names an account");
        };
        match self.grants(&roles, account, request) {
            Ok(grants) => self.permit(account, grants, request).into(),
            Err(error) => Verdict::deny(error.to_string()),
        }
    }
}

impl OidcRoles {
    fn is_for_us(&self, request: &Request) -> bool {
        let known = |issuer: String| self.issuers.contains(&issuer);
        self.issuers.is_empty() || request.issuer().is_some_and(known)
    }

    /// The known roles of the token, in its order and as often as it has them.
    fn roles(&self, request: &Request) -> Vec<&Role> {
        let mut names = Vec::new();
        for path in &self.role_claims {
            names.extend(request.claim(path));
        }
        for path in &self.space_separated_role_claims {
            for text in request.claim(path) {
                names.extend(text.split_ascii_whitespace().map(str::to_owned));
            }
        }
        names.iter().filter_map(|name| self.role(name)).collect()
    }

    fn role(&self, name: &str) -> Option<&Role> {
        let found = self
            .roles
            .binary_search_by(|(known, _)| known.as_str().cmp(name));
        let (_, role) = self.roles.get(found.ok()?)?;
        Some(role)
    }

    /// The account of the first role that is for one, else the one for everybody.
    fn account<'a>(&'a self, roles: &[&'a Role]) -> Option<&'a str> {
        let first = roles.iter().find_map(|role| role.account.as_deref());
        first.or(self.account.as_deref())
    }

    /// What the roles grant that are for `account`, or for any.
    fn grants(
        &self,
        roles: &[&Role],
        account: &str,
        request: &Request,
    ) -> Result<Grants, TemplateError> {
        let is_here = |role: &&&Role| {
            let home = role.account.as_deref();
            home.is_none_or(|home| home == account)
        };
        let roles: Vec<_> = roles
            .iter()
            .filter(is_here)
            .map(|role| &role.grants)
            .collect();
        let values = Values::of(request);
        let mut grants = Grants::default();
        for role in &roles {
            grants.join(role.expand(&values)?);
        }
        self.open(&mut grants.publish, roles.iter().map(|role| &role.publish));
        self.open(
            &mut grants.subscribe,
            roles.iter().map(|role| &role.subscribe),
        );
        Ok(grants)
    }

    /// Writes down what a side means on which something is denied and nothing allowed. An entry that was dropped for want of a
    /// value is something allowed: it is not to become everything.
    fn open<'a>(
        &self,
        side: &mut Subjects,
        mut templates: impl Iterator<Item = &'a SubjectTemplates>,
    ) {
        let opens = self.deny_only == DenyOnly::AllowRest && !side.deny.is_empty();
        if opens && !templates.any(SubjectTemplates::allow_something) {
            side.allow.push(">".to_owned());
        }
    }

    fn permit(&self, account: &str, grants: Grants, request: &Request) -> Permit {
        let mut permit = self.bounds.grant(grants.grant(Permit::new(account)));
        if let Some(name) = request.first_claim(&self.name_claims) {
            permit = permit.user_name(name);
        }
        match self.expires_in {
            Some(lifetime) => permit.expires_in(lifetime),
            None => permit,
        }
    }
}

export!(OidcRoles);
