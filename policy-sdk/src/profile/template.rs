//! Profiles whose subjects are templates.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use portcullis_permit_rules::limits::MAX_SUBJECTS;

use super::Profile;
use crate::intent::{Intents, Texts};
use crate::permit::{Responses, TimeRange};
use crate::template::{Template, TemplateError};
use crate::{ConnectionType, SettingsError};

/// A checked profile whose subjects are templates. [`Profile::template`] creates it in `configure`;
/// a [`Combination`](super::Combination) fills it.
#[derive(Clone, Debug)]
pub struct ProfileTemplate {
    pub(super) publish: Side,
    pub(super) subscribe: Side,
    /// What bounds the login. Boxed, because a policy may hold 100,000 templates that have no
    /// bounds.
    pub(super) bounds: Option<Box<Bounds>>,
}

/// The keys of a profile apart from its subjects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) responses: Option<Responses>,
    pub(super) role: Option<String>,
    pub(super) sources: Option<Vec<IpNet>>,
    pub(super) connection_types: Option<Vec<ConnectionType>>,
    pub(super) times: Option<Vec<TimeRange>>,
    pub(super) times_location: Option<String>,
    pub(super) proxy_required: bool,
}

/// The subjects of one side.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub(super) allow: Vec<Template>,
    pub(super) deny: Vec<Template>,
}

type Parse = fn(&str, &[&str]) -> Result<Template, TemplateError>;

impl Profile {
    /// Parses the subjects as templates. `key` is the profile's place in the settings, such as
    /// `roles.Admin`; `own` are the names of the policy's own places.
    ///
    /// # Errors
    ///
    /// Fails if the profile has problems; the error has all of them, each with its key.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis_sdk::profile::Profile;
    ///
    /// let profile: Profile = serde_json::from_str(r#"{ "publish": { "allow": ["{{claim.}}.a", "{{sub"] } }"#).unwrap();
    /// assert_eq!(
    ///     profile.template("roles.Admin", &[]).unwrap_err().to_string(),
    ///     "roles.Admin.publish.allow: the place `{{claim.}}` in `{{claim.}}.a` names nothing: write it as `{{claim.sub}}`; \
    ///      roles.Admin.publish.allow: `{{` without `}}` in `{{sub`: a place is written as `{{claim.sub}}`",
    /// );
    /// ```
    pub fn template(&self, key: &str, own: &[&str]) -> Result<ProfileTemplate, SettingsError> {
        let mut problems = Vec::new();
        let mut list = |subjects: &[String], list: &str, parse: Parse| {
            let mut templates = Vec::with_capacity(subjects.len());
            for subject in subjects {
                match parse(subject, own) {
                    Ok(template) => templates.push(template),
                    Err(error) => {
                        let key = format!("{key}.{list}");
                        problems.push(SettingsError::at(key, error));
                    }
                }
            }
            templates
        };
        let mut publish = Side {
            allow: list(&self.publish.allow, "publish.allow", Template::publish),
            deny: list(&self.publish.deny, "publish.deny", Template::publish),
        };
        let mut subscribe = Side {
            allow: list(
                &self.subscribe.allow,
                "subscribe.allow",
                Template::subscribe,
            ),
            deny: list(&self.subscribe.deny, "subscribe.deny", Template::subscribe),
        };
        if let Some(intents) = &self.intents {
            problems.extend(add_intents(intents, key, own, &mut publish, &mut subscribe));
        }
        let count =
            [&publish, &subscribe].map(|side| side.allow.len().saturating_add(side.deny.len()));
        if count.into_iter().sum::<usize>() > MAX_SUBJECTS {
            let problem = format!("more than {MAX_SUBJECTS} subjects in one profile");
            problems.push(SettingsError::at(key, problem));
        }
        problems.extend(self.check_bounds(key).err());
        let sources = self.sources.as_ref().map(|texts| {
            let networks: Vec<_> = texts.iter().filter_map(|text| network(text)).collect();
            if networks.len() < texts.len() && problems.is_empty() {
                // The host accepts a form that this parser does not: fail rather than allow less
                // than the settings say.
                let key = format!("{key}.sources");
                problems.push(SettingsError::at(key, "a network in an unknown form"));
            }
            networks
        });
        SettingsError::check(problems)?;
        let bounds = Bounds {
            responses: self.responses,
            role: self.role.clone(),
            sources,
            connection_types: self.connection_types.clone(),
            times: self.times.clone(),
            times_location: self.times_location.clone(),
            proxy_required: self.proxy_required,
        };
        Ok(ProfileTemplate {
            publish,
            subscribe,
            bounds: (bounds != Bounds::default()).then(|| Box::new(bounds)),
        })
    }
}

/// Parses the intents as templates and adds them to both sides. Returns the problems.
fn add_intents(
    intents: &Intents,
    key: &str,
    own: &[&str],
    publish: &mut Side,
    subscribe: &mut Side,
) -> Vec<SettingsError> {
    let mut problems = intents.check(key, Texts::Shape);
    if !problems.is_empty() {
        return problems;
    }
    for (key, rights) in intents.templates(key) {
        let added = publish
            .add(rights.publish(), own, Template::publish)
            .and_then(|()| subscribe.add(rights.subscribe(), own, Template::subscribe));
        // The subjects of one intent share their places: one problem tells all.
        problems.extend(added.err().map(|error| SettingsError::at(key, error)));
    }
    problems
}

impl Side {
    /// Parses subjects as templates and allows them, each once.
    fn add(
        &mut self,
        subjects: &[String],
        own: &[&str],
        parse: Parse,
    ) -> Result<(), TemplateError> {
        for subject in subjects {
            let template = parse(subject, own)?;
            if !self.allow.contains(&template) {
                self.allow.push(template);
            }
        }
        Ok(())
    }
}

impl ProfileTemplate {
    /// Returns the first place of the subjects that identifies the user, worded for an error. If
    /// the profile has a role, its template may contain the user name, so the role counts too. With
    /// `with_name`, places that the user name fills do not count.
    pub(crate) fn user_place(&self, with_name: bool) -> Option<String> {
        let lists =
            [&self.publish, &self.subscribe].map(|side| side.allow.iter().chain(&side.deny));
        let place = lists
            .into_iter()
            .flatten()
            .find_map(|template| template.user_place(with_name));
        let role = self.bounds.as_ref().and_then(|bounds| bounds.role.as_ref());
        let role = role.filter(|_| !with_name);
        let role = || {
            role.map(|_| {
                "`role`, whose template may have the user name in its subjects,".to_owned()
            })
        };
        place.or_else(role)
    }
}

/// Parses a network as the host does: it drops bits after the prefix, and reads IPv4-mapped IPv6 as
/// IPv4.
fn network(text: &str) -> Option<IpNet> {
    let network: IpNet = text.parse().ok()?;
    let network = network.trunc();
    let IpAddr::V6(address) = network.addr() else {
        return Some(network);
    };
    match address.to_ipv4_mapped() {
        None => Some(network),
        Some(address) => {
            let length = network.prefix_len().checked_sub(96)?;
            Some(Ipv4Net::new(address, length).ok()?.into())
        }
    }
}
