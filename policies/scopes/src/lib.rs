#![doc = include_str!("../README.md")]

mod settings;
#[cfg(test)]
mod tests;

use std::time::Duration;

use portcullis_sdk::prelude::*;
use portcullis_sdk::template::{GrantTemplates, Grants, Values};

pub use settings::{Scope, Settings, WithoutScope};

/// The place in templates for what follows the beginning of a scope.
const REST: &str = "rest";

/// The policy: every scope with what it grants.
#[derive(Debug)]
pub struct Scopes {
    settings: Settings,
    scopes: Vec<Known>,
}

/// One scope, checked.
#[derive(Debug)]
struct Known {
    /// Its name, or how it begins.
    name: String,
    is_beginning: bool,
    grants: GrantTemplates,
}

impl Policy for Scopes {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        let scopes = check(&settings)?;
        Ok(Self { settings, scopes })
    }

    fn decide(&self, request: &Request) -> Verdict {
        if request.method() != Method::Oidc || !self.is_for_us(request) {
            return Verdict::Abstain;
        }
        let scopes = self.scopes(request);
        let held = scopes.iter().flat_map(|scope| self.known(scope));
        let held: Vec<(&Known, &str)> = held.collect();
        match (held.is_empty(), self.settings.without_scope) {
            (true, WithoutScope::Deny) => return Verdict::deny("no mapped scope in the token"),
            (true, WithoutScope::Abstain) => return Verdict::Abstain,
            _ => {}
        }
        let account = match self.account(request) {
            Ok(account) => account,
            Err(reason) => return Verdict::deny(reason),
        };
        let mut grants = Grants::default();
        for (known, rest) in held {
            let values = Values::of(request).with(REST, rest);
            match known.grants.expand(&values) {
                Ok(granted) => grants.join(granted),
                Err(error) => return Verdict::deny(error.to_string()),
            }
        }
        self.permit(account, grants, request).into()
    }
}

impl Scopes {
    fn is_for_us(&self, request: &Request) -> bool {
        let issuers = &self.settings.issuers;
        let known = |issuer: String| issuers.contains(&issuer);
        issuers.is_empty() || request.issuer().is_some_and(known)
    }

    /// The scopes of the token, in its order.
    fn scopes(&self, request: &Request) -> Vec<String> {
        let claims = self.settings.scope_claims.iter();
        let texts = claims.flat_map(|path| request.claim(path));
        let scopes = texts.flat_map(|text| {
            let scopes = text.split_ascii_whitespace().map(str::to_owned);
            scopes.collect::<Vec<_>>()
        });
        scopes.collect()
    }

    /// Those that a scope of a token is, with what it has beyond the beginning.
    fn known<'a>(&'a self, scope: &'a str) -> impl Iterator<Item = (&'a Known, &'a str)> {
        self.scopes.iter().filter_map(move |known| {
            let rest = scope.strip_prefix(known.name.as_str())?;
            let fits = known.is_beginning || rest.is_empty();
            fits.then_some((known, rest))
        })
    }

    fn account(&self, request: &Request) -> Result<String, &'static str> {
        let claim = self.settings.account_claim.as_ref();
        let found = claim.map_or_else(Vec::new, |claim| request.claim(claim));
        match (found.as_slice(), &self.settings.default_account) {
            ([account], _) if !account.is_empty() => Ok(account.clone()),
            ([], Some(default)) => Ok(default.clone()),
            ([], None) => Err("the token names no account"),
            ([_], _) => Err("the account in the token is empty"),
            _ => Err("the token names several accounts"),
        }
    }

    fn permit(&self, account: String, grants: Grants, request: &Request) -> Permit {
        let mut permit = grants.grant(Permit::new(account));
        if let Some(name) = request.first_claim(&self.settings.name_claims) {
            permit = permit.user_name(name);
        }
        match self.settings.expires_in {
            Some(lifetime) => permit.expires_in(lifetime),
            None => permit,
        }
    }
}

/// From settings to scopes, with everything that is wrong with them.
fn check(settings: &Settings) -> Result<Vec<Known>, SettingsError> {
    let mut problems = Vec::new();
    if settings.scope_claims.is_empty() {
        let message = "nowhere to look for scopes: name a claim";
        problems.push(SettingsError::at("scope-claims", message));
    }
    match (&settings.default_account, &settings.account_claim) {
        (Some(account), _) => {
            let found = Permit::new(account).problems().into_iter();
            problems.extend(found.map(|found| SettingsError::at("default-account", found)));
        }
        (None, None) => problems.push(SettingsError::new(
            "no account: set `account-claim`, `default-account` or both",
        )),
        (None, Some(_)) => {}
    }
    let too_short = |lifetime: Duration| lifetime < Duration::from_secs(1);
    if settings.expires_in.is_some_and(too_short) {
        problems.push(SettingsError::at("expires-in", "shorter than a second"));
    }
    let mut scopes = Vec::with_capacity(settings.scopes.len());
    for (name, scope) in &settings.scopes {
        let path = format!("scopes.{name}");
        let beginning = name.strip_suffix('*');
        let bare = beginning.unwrap_or(name);
        if bare.is_empty() || bare.contains(|found: char| found == '*' || found.is_whitespace()) {
            let message = "expected the name of a scope, or its beginning with one `*` behind it";
            problems.push(SettingsError::at(&path, message));
        }
        let names: &[&str] = if beginning.is_some() { &[REST] } else { &[] };
        match GrantTemplates::parse(&scope.profile(), &path, names) {
            Ok(grants) => scopes.push(Known {
                name: bare.to_owned(),
                is_beginning: beginning.is_some(),
                grants,
            }),
            Err(found) => problems.extend(found),
        }
    }
    SettingsError::check(problems)?;
    Ok(scopes)
}

export!(Scopes);
