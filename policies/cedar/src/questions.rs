//! The questions that the policy asks Cedar: may a login connect to an account, and use a profile?

use std::collections::BTreeMap;
use std::str::FromStr as _;

use cedar_policy::{
    Authorizer, Decision, EntityId, EntityTypeName, EntityUid, PolicyId, PolicySet, Request,
};
use portcullis_sdk::SettingsError;

use crate::login::{Login, Types};
use crate::schema;
use crate::settings::Settings;
use crate::text::{self, Known};

/// The policies, and the names that requests need.
#[derive(Debug)]
pub(crate) struct Questions {
    authorizer: Authorizer,
    policies: PolicySet,
    /// The names of policies that have one.
    names: BTreeMap<PolicyId, String>,
    types: Types,
    connect: EntityUid,
    use_profile: EntityUid,
    accounts: BTreeMap<String, EntityUid>,
    profiles: BTreeMap<String, EntityUid>,
}

/// Cedar's answer to one question.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) is_permitted: bool,
    /// The policies that decided, each in backticks. Empty if no policy applies.
    pub(crate) deciders: Vec<String>,
}

impl Questions {
    /// Parses and validates the text of the settings.
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let schema =
            schema::schema(&settings.claims).map_err(|error| SettingsError::at("claims", error))?;
        let known = Known {
            accounts: &settings.accounts,
            profiles: settings.profiles.keys().map(String::as_str).collect(),
        };
        let policies = text::policies(&settings.cedar_text, schema, &known)?;
        let questions = Self {
            authorizer: Authorizer::new(),
            names: text::names(&policies),
            policies,
            types: Types {
                user: type_name("User")?,
                group: type_name("Group")?,
            },
            connect: uid(&type_name("Action")?, "connect"),
            use_profile: uid(&type_name("Action")?, "use"),
            accounts: uids("Account", settings.accounts.iter())?,
            profiles: uids("Profile", settings.profiles.keys())?,
        };
        questions.warm_up(settings);
        Ok(questions)
    }

    /// Asks about a made-up login. Cedar fills tables at its first question, and the host keeps
    /// them for all logins because this is part of `configure`.
    fn warm_up(&self, settings: &Settings) {
        let login = Login::made_up(&self.types);
        let (Ok(login), Some(account)) = (login, settings.accounts.first()) else {
            return;
        };
        // The made-up login has no claims, so an error says nothing about real ones.
        let _ = self.may_connect(account, &login);
    }

    pub(crate) const fn types(&self) -> &Types {
        &self.types
    }

    /// Asks whether a login may connect to an account. Fails with the reason of a denial.
    pub(crate) fn may_connect(&self, account: &str, login: &Login) -> Result<Answer, String> {
        self.ask(&self.connect, self.accounts.get(account), login)
    }

    /// Asks whether a login may use a profile. Fails with the reason of a denial.
    pub(crate) fn may_use(&self, profile: &str, login: &Login) -> Result<Answer, String> {
        self.ask(&self.use_profile, self.profiles.get(profile), login)
    }

    fn ask(
        &self,
        action: &EntityUid,
        resource: Option<&EntityUid>,
        login: &Login,
    ) -> Result<Answer, String> {
        let resource = resource.ok_or("a resource that the settings do not have")?;
        let (principal, context) = (login.principal.clone(), login.context.clone());
        let request = Request::new(principal, action.clone(), resource.clone(), context, None)
            .map_err(|error| error.to_string())?;
        let response = self
            .authorizer
            .is_authorized(&request, &self.policies, &login.entities);
        let diagnostics = response.diagnostics();
        // Cedar skips a policy with an error, and one that forbids must not be skipped.
        if let Some(error) = diagnostics.errors().next() {
            return Err(format!("an error in Cedar: {error}").replace('\n', " "));
        }
        let mut deciders: Vec<_> = diagnostics.reason().map(|id| self.name(id)).collect();
        deciders.sort();
        Ok(Answer {
            is_permitted: response.decision() == Decision::Allow,
            deciders,
        })
    }

    fn name(&self, id: &PolicyId) -> String {
        let name = self.names.get(id).map_or(id.as_ref(), String::as_str);
        format!("`{}`", name.escape_debug())
    }
}

fn type_name(name: &str) -> Result<EntityTypeName, SettingsError> {
    EntityTypeName::from_str(name).map_err(SettingsError::new)
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn uids<'a>(
    kind: &str,
    ids: impl Iterator<Item = &'a String>,
) -> Result<BTreeMap<String, EntityUid>, SettingsError> {
    let kind = type_name(kind)?;
    Ok(ids.map(|id| (id.clone(), uid(&kind, id))).collect())
}
