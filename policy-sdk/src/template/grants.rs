//! Both sides of a permit, and replies.

use super::{SubjectTemplates, TemplateError, Values};
use crate::profile::{Profile, Responses, Subjects};
use crate::{Permit, SettingsError};

/// What one role, scope or rule grants, with places for what is known of a login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantTemplates {
    /// Subjects to publish on.
    pub publish: SubjectTemplates,
    /// Subjects to subscribe to.
    pub subscribe: SubjectTemplates,
    /// Permission to answer messages received.
    pub responses: Option<Responses>,
}

/// What a login is granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Subjects to publish on.
    pub publish: Subjects,
    /// Subjects to subscribe to.
    pub subscribe: Subjects,
    /// Permission to answer messages received.
    pub responses: Option<Responses>,
}

impl GrantTemplates {
    /// Reads the templates in the subjects of `profile`, which may have the places of [`super`] and those in `names`. The rest of
    /// the profile is looked at too.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the profile, each with its key below `path`.
    pub fn parse(
        profile: &Profile,
        path: &str,
        names: &[&str],
    ) -> Result<Self, Vec<SettingsError>> {
        let mut problems = Vec::new();
        let mut side = |side: &str, subjects: &Subjects| {
            let (templates, found) = SubjectTemplates::read(subjects, names);
            let located = found.into_iter().map(|(list, problem)| {
                SettingsError::at(format!("{path}.{side}.{list}"), problem.to_string())
            });
            problems.extend(located);
            templates
        };
        let templates = Self {
            publish: side("publish", &profile.publish),
            subscribe: side("subscribe", &profile.subscribe),
            responses: profile.responses,
        };
        let sample = Profile {
            publish: templates.publish.sample(),
            subscribe: templates.subscribe.sample(),
            ..profile.clone()
        };
        problems.extend(sample.problems(path));
        if problems.is_empty() {
            Ok(templates)
        } else {
            Err(problems)
        }
    }

    /// What a login is granted.
    ///
    /// # Errors
    ///
    /// When a denied subject has no value, or there are too many.
    pub fn expand(&self, values: &Values<'_>) -> Result<Grants, TemplateError> {
        Ok(Grants {
            publish: self.publish.expand(values)?,
            subscribe: self.subscribe.expand(values)?,
            responses: self.responses,
        })
    }
}

impl Grants {
    /// Adds what `other` grants behind what is there already. Of permissions to reply, the first counts.
    pub fn join(&mut self, other: Self) {
        for (mine, others) in [
            (&mut self.publish, other.publish),
            (&mut self.subscribe, other.subscribe),
        ] {
            mine.allow.extend(others.allow);
            mine.deny.extend(others.deny);
        }
        self.responses = self.responses.or(other.responses);
    }

    /// Adds the grants to a permit.
    pub fn grant(self, permit: Permit) -> Permit {
        let profile = Profile {
            publish: self.publish,
            subscribe: self.subscribe,
            responses: self.responses,
            ..Profile::default()
        };
        profile.grant(permit)
    }
}
