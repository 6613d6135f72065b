//! Profiles whose subjects have places.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::Profile;
use crate::SettingsError;
use crate::template::{Template, TemplateError};

/// A profile whose subjects are templates, checked. Made in `configure`, filled by a
/// [`Combination`](super::Combination).
#[derive(Clone, Debug)]
pub struct ProfileTemplate {
    pub(super) publish: Side,
    pub(super) subscribe: Side,
    pub(super) sources: Vec<IpNet>,
    /// Everything besides subjects and networks.
    pub(super) bounds: Profile,
}

/// The subjects of one side.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub(super) allow: Vec<Template>,
    pub(super) deny: Vec<Template>,
}

type Parse = fn(&str, &[&str]) -> Result<Template, TemplateError>;

impl Profile {
    /// Makes templates of the subjects. `key` is where the settings have the profile, as `roles.Admin`; `own` are the policy's
    /// own places.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the profile, each with its key.
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
                        problems.push(SettingsError::at(key, error.to_string()));
                    }
                }
            }
            templates
        };
        let publish = Side {
            allow: list(&self.publish.allow, "publish.allow", Template::publish),
            deny: list(&self.publish.deny, "publish.deny", Template::publish),
        };
        let subscribe = Side {
            allow: list(
                &self.subscribe.allow,
                "subscribe.allow",
                Template::subscribe,
            ),
            deny: list(&self.subscribe.deny, "subscribe.deny", Template::subscribe),
        };
        problems.extend(self.check_bounds(key).err());
        let sources: Vec<_> = self
            .sources
            .iter()
            .filter_map(|text| network(text))
            .collect();
        if sources.len() < self.sources.len() && problems.is_empty() {
            // The host takes what this does not: better no policy than one that lets in from anywhere.
            let key = format!("{key}.sources");
            problems.push(SettingsError::at(key, "a network in an unknown form"));
        }
        SettingsError::check(problems)?;
        Ok(ProfileTemplate {
            publish,
            subscribe,
            sources,
            bounds: Self {
                publish: super::Subjects::default(),
                subscribe: super::Subjects::default(),
                ..self.clone()
            },
        })
    }
}

impl ProfileTemplate {
    /// The first place of the subjects that says who the user is, in words for an error, or the role, whose template may have the
    /// user name in its subjects. `with_name` leaves out what the user name fills.
    pub(crate) fn user_place(&self, with_name: bool) -> Option<String> {
        let lists =
            [&self.publish, &self.subscribe].map(|side| side.allow.iter().chain(&side.deny));
        let place = lists
            .into_iter()
            .flatten()
            .find_map(|template| template.user_place(with_name));
        let role = self.bounds.role.as_ref().filter(|_| !with_name);
        let role = || {
            role.map(|_| {
                "`role`, whose template may have the user name in its subjects,".to_owned()
            })
        };
        place.or_else(role)
    }
}

/// A network as the host reads it: bits behind the prefix are dropped, and IPv4 written as IPv6 is IPv4.
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
