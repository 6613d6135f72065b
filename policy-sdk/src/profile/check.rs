//! The conversion of a profile into a permit, and the check of its problems.

use super::{Profile, add_role};
use crate::intent::Texts;
use crate::template::{literal_problem, place_in};
use crate::{Permit, SettingsError};

/// Prefixes of the host's problems, each with the key of the list in the settings.
const LISTS: [(&str, &str); 8] = [
    ("publish-allow: ", ".publish.allow"),
    ("publish-deny: ", ".publish.deny"),
    ("subscribe-allow: ", ".subscribe.allow"),
    ("subscribe-deny: ", ".subscribe.deny"),
    ("source-allow: ", ".sources"),
    ("connection-type-allow: ", ".connection-types"),
    ("time-allow: ", ".times"),
    ("times-location: ", ".times-location"),
];

impl Profile {
    /// Adds the profile to a permit, with literal subjects. With a role, the permit's user name is
    /// escaped ([`escape`](crate::template::escape)), because the role's template inserts it into
    /// subjects.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    /// use portcullis_sdk::profile::Profile;
    ///
    /// let profile: Profile = serde_json::from_str(r#"{ "publish": { "allow": ["orders.>"] } }"#)?;
    /// assert_eq!(profile.add_to(Permit::new("APP")).publish().allow, ["orders.>"]);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn add_to(&self, permit: Permit) -> Permit {
        let permit = permit.add_subjects(&self.publish, &self.subscribe);
        let permit = match &self.intents {
            Some(intents) => intents.add_to(permit),
            None => permit,
        };
        let permit = match self.responses {
            Some(responses) => permit.allow_responses(responses),
            None => permit,
        };
        self.add_bounds_to(permit)
    }

    /// Adds the bounds.
    fn add_bounds_to(&self, mut permit: Permit) -> Permit {
        if let Some(role) = &self.role {
            permit = add_role(permit, role);
        }
        if let Some(sources) = &self.sources {
            permit = permit.allow_sources(sources);
        }
        if let Some(types) = &self.connection_types {
            permit = permit.allow_connection_types(types.iter().cloned());
        }
        if let Some(times) = &self.times {
            permit = permit.allow_times(times.iter().cloned());
        }
        if let Some(zone) = &self.times_location {
            permit = permit.with_times_location(zone);
        }
        if self.proxy_required {
            permit = permit.require_proxy();
        }
        permit
    }

    /// Checks a profile with literal subjects. `key` is the profile's place in the settings, such
    /// as `profiles.staff`.
    ///
    /// # Errors
    ///
    /// Fails if the profile has problems; the error has all of them, each with its key. A text that
    /// looks like a place is a problem, because it would be granted as it is.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis_sdk::profile::Profile;
    ///
    /// let profile: Profile = serde_json::from_str(r#"{ "publish": { "allow": ["a..b"] } }"#).unwrap();
    /// assert_eq!(
    ///     profile.check("profiles.staff").unwrap_err().to_string(),
    ///     "profiles.staff.publish.allow: invalid subject `a..b`: it has an empty token; remove the extra `.`",
    /// );
    /// ```
    pub fn check(&self, key: &str) -> Result<(), SettingsError> {
        let plain = self.add_bounds_to(Permit::new("any"));
        let mut found = problems(plain.add_subjects(&self.publish, &self.subscribe), key);
        found.extend(self.places(key));
        found.extend(self.role_problem(key));
        if let Some(intents) = &self.intents {
            found.extend(intents.check(key, Texts::Literal));
        }
        SettingsError::check(found)
    }

    /// Returns the problems of literal subjects that look like templates.
    fn places(&self, key: &str) -> Vec<SettingsError> {
        let lists = [
            (".publish.allow", &self.publish.allow),
            (".publish.deny", &self.publish.deny),
            (".subscribe.allow", &self.subscribe.allow),
            (".subscribe.deny", &self.subscribe.deny),
        ];
        let mut problems = Vec::new();
        for (list, subjects) in lists {
            for problem in subjects
                .iter()
                .filter_map(|subject| literal_problem(subject))
            {
                problems.push(SettingsError::at(format!("{key}{list}"), problem));
            }
        }
        problems
    }

    /// Checks everything apart from the subjects.
    pub(super) fn check_bounds(&self, key: &str) -> Result<(), SettingsError> {
        let mut found = problems(self.add_bounds_to(Permit::new("any")), key);
        found.extend(self.role_problem(key));
        SettingsError::check(found)
    }

    /// Returns the problem of a role that looks like a template.
    fn role_problem(&self, key: &str) -> Option<SettingsError> {
        let place = place_in(self.role.as_deref()?)?.escape_debug();
        let problem = format!("`{place}` is not possible here: name the signing key as it is");
        Some(SettingsError::at(format!("{key}.role"), problem))
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a permit that is made for this and must not be used"
)]
fn problems(permit: Permit, key: &str) -> Vec<SettingsError> {
    let located = |problem: String| {
        let (list, message) = LISTS
            .iter()
            .find_map(|(prefix, list)| Some((*list, problem.strip_prefix(prefix)?)))
            .unwrap_or(("", &problem));
        SettingsError::at(format!("{key}{list}"), message)
    };
    permit.problems().into_iter().map(located).collect()
}
