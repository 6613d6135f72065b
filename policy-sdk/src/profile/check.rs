//! The conversion of a profile into a permit, and the check of its problems.

use super::{Profile, with_role};
use crate::{Permit, SettingsError};

/// Prefixes of the host's problems, each with the key of the list in the settings.
const LISTS: [(&str, &str); 7] = [
    ("publish-allow: ", ".publish.allow"),
    ("publish-deny: ", ".publish.deny"),
    ("subscribe-allow: ", ".subscribe.allow"),
    ("subscribe-deny: ", ".subscribe.deny"),
    ("source-allow: ", ".sources"),
    ("connection-type-allow: ", ".connection-types"),
    ("time-allow: ", ".times"),
];

impl Profile {
    /// Adds the profile to a permit, with literal subjects. With a role, the permit's user name is
    /// escaped ([`escape`](crate::template::escape)), because the role's template inserts it into
    /// subjects.
    pub fn add_to(&self, permit: Permit) -> Permit {
        let permit = permit
            .publish_allow_all(&self.publish.allow)
            .publish_deny_all(&self.publish.deny)
            .subscribe_allow_all(&self.subscribe.allow)
            .subscribe_deny_all(&self.subscribe.deny);
        let permit = match &self.responses {
            Some(responses) => permit.responses_allow(responses.max, responses.ttl),
            None => permit,
        };
        self.add_bounds_to(permit)
    }

    fn add_bounds_to(&self, mut permit: Permit) -> Permit {
        if let Some(role) = &self.role {
            permit = with_role(permit, role);
        }
        for network in &self.sources {
            permit = permit.source_allow(network);
        }
        for name in &self.connection_types {
            permit = permit.connection_type_allow(name);
        }
        for range in &self.times {
            permit = permit.time_allow(&range.start, &range.end);
        }
        if let Some(zone) = &self.times_location {
            permit = permit.times_location(zone);
        }
        if self.proxy_required {
            permit = permit.proxy_required();
        }
        permit
    }

    /// Checks a profile with literal subjects. `key` is the profile's place in the settings, such
    /// as `profiles.staff`.
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
    /// let profile: Profile = serde_json::from_str(r#"{ "publish": { "allow": ["a..b"] } }"#).unwrap();
    /// assert_eq!(
    ///     profile.check("profiles.staff").unwrap_err().to_string(),
    ///     "profiles.staff.publish.allow: invalid subject `a..b`: it has an empty token; remove the extra `.`",
    /// );
    /// ```
    pub fn check(&self, key: &str) -> Result<(), SettingsError> {
        SettingsError::check(problems(self.add_to(Permit::new("any")), key))
    }

    /// Checks everything apart from the subjects.
    pub(super) fn check_bounds(&self, key: &str) -> Result<(), SettingsError> {
        SettingsError::check(problems(self.add_bounds_to(Permit::new("any")), key))
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
