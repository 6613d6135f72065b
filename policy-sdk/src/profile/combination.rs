//! Several profiles as one permit.

mod bounds;

use bounds::Bounds;

use super::ProfileTemplate;
use super::template::Side;
use crate::Permit;
use crate::template::{Unfilled, Values};

/// Several profiles, filled for one login, as one permit.
///
/// Permissions add up, bounds hold together:
///
/// | of several profiles | the permit has |
/// | --- | --- |
/// | `publish`, `subscribe` | all lists of each kind, one behind the other in the order in which the profiles were added; what stands twice stays |
/// | `responses` | the most generous: that with the larger `max`, of those the one with the longer `ttl`; never the `max` of one and the `ttl` of another |
/// | `sources`, `connection-types` | what all that name some have in common |
/// | `times`, `times-location` | those of the profiles that name some, which have to be the same |
/// | `role` | that of the profiles that name one, which has to be the same |
/// | `proxy-required` | true if one says so |
///
/// Bounds with nothing in common are a [`Refusal`], as are different times and different roles. A bound of one profile thus bounds
/// what the others permit: nobody gets around it by having one profile more.
///
/// A place without a value takes its entry out of an allow list, and the side stays closed if nothing else is in it. In a deny list
/// it is a [`Refusal`].
///
/// # Example
///
/// ```
/// use portcullis_sdk::profile::{Combination, Profile};
/// use portcullis_sdk::template::Values;
/// use portcullis_sdk::{Permit, Request};
///
/// let own: Profile = serde_json::from_str(r#"{ "publish": { "allow": ["app.{{claim.sub}}.>"] } }"#).unwrap();
/// let own = own.template("roles.own", &[])?;
///
/// let request = Request::builder().claims(r#"{ "sub": "alice" }"#).build();
/// let mut combination = Combination::default();
/// combination.add("own", &own, &Values::new(&request))?;
/// let permit = combination.add_to(Permit::new("APP"));
/// assert_eq!(permit, Permit::new("APP").publish_allow("app.alice.>"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Combination {
    publish: Lists,
    subscribe: Lists,
    bounds: Bounds,
}

/// The subjects of one side.
#[derive(Clone, Debug, Default)]
struct Lists {
    allow: Vec<String>,
    deny: Vec<String>,
    /// Whether a profile names subjects to allow, be there values for them or not.
    names_allowed: bool,
}

/// Why profiles make no permit for a login: a reason to deny it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A subject that has to be known is not.
    #[error("`{profile}`, {list}: {source}")]
    Unfilled {
        /// The profile.
        profile: String,
        /// Which list.
        list: &'static str,
        /// What is missing.
        #[source]
        source: Unfilled,
    },
    /// More subjects than the host takes.
    #[error(
        "more than {} subjects, with those of `{profile}`",
        Combination::MAX_SUBJECTS
    )]
    TooManySubjects {
        /// The profile with which there are too many.
        profile: String,
    },
    /// Bounds that cannot hold together.
    #[error("`{profile}` has no {bound} in common with what the login has besides")]
    NothingInCommon {
        /// The profile with which nothing is left.
        profile: String,
        /// Which bound.
        bound: &'static str,
    },
    /// What cannot be combined differs.
    #[error("`{profile}` has another {bound} than what the login has besides")]
    Different {
        /// The profile that differs.
        profile: String,
        /// Which bound.
        bound: &'static str,
    },
}

impl Combination {
    /// The most subjects of one permit: the host's limit.
    pub const MAX_SUBJECTS: usize = 4096;

    /// Adds a profile, filled with these values. `name` is what a [`Refusal`] calls it.
    ///
    /// # Errors
    ///
    /// Why the login has to be denied.
    pub fn add(
        &mut self,
        name: &str,
        profile: &ProfileTemplate,
        values: &Values<'_>,
    ) -> Result<(), Refusal> {
        let unfilled = |(list, source)| Refusal::Unfilled {
            profile: name.to_owned(),
            list,
            source,
        };
        self.publish
            .add(&profile.publish, ["publish.allow", "publish.deny"], values)
            .map_err(unfilled)?;
        self.subscribe
            .add(
                &profile.subscribe,
                ["subscribe.allow", "subscribe.deny"],
                values,
            )
            .map_err(unfilled)?;
        let count = self.publish.len().saturating_add(self.subscribe.len());
        if count > Self::MAX_SUBJECTS {
            let profile = name.to_owned();
            return Err(Refusal::TooManySubjects { profile });
        }
        self.bounds.add(name, profile)
    }

    /// On a side on which the profiles name subjects to deny and none to allow, allows everything else. Without this, such a
    /// side allows nothing. An allow list whose entries have no values still names subjects to allow.
    pub fn allow_rest(&mut self) {
        for side in [&mut self.publish, &mut self.subscribe] {
            if !side.names_allowed && !side.deny.is_empty() {
                side.allow.push(">".to_owned());
                side.names_allowed = true;
            }
        }
    }

    /// Whether it allows nothing: no subject, no answer, and no role whose template could.
    pub const fn allows_nothing(&self) -> bool {
        self.publish.allow.is_empty()
            && self.subscribe.allow.is_empty()
            && self.bounds.allow_nothing()
    }

    /// Adds everything to a permit. With a role, the permit's user name is escaped
    /// ([`escape`](crate::template::escape)), because the role's template puts it into subjects.
    pub fn add_to(self, permit: Permit) -> Permit {
        let permit = permit
            .publish_allow_all(self.publish.allow)
            .publish_deny_all(self.publish.deny)
            .subscribe_allow_all(self.subscribe.allow)
            .subscribe_deny_all(self.subscribe.deny);
        self.bounds.add_to(permit)
    }
}

impl Lists {
    fn len(&self) -> usize {
        self.allow.len().saturating_add(self.deny.len())
    }

    /// The error names the list.
    fn add(
        &mut self,
        side: &Side,
        [allow, deny]: [&'static str; 2],
        values: &Values<'_>,
    ) -> Result<(), (&'static str, Unfilled)> {
        self.names_allowed |= !side.allow.is_empty();
        for template in &side.allow {
            match template.subjects(values) {
                Ok(subjects) => self.allow.extend(subjects),
                Err(Unfilled::Missing(_)) => {}
                Err(unfilled) => return Err((allow, unfilled)),
            }
        }
        for template in &side.deny {
            let subjects = template
                .subjects(values)
                .map_err(|unfilled| (deny, unfilled))?;
            self.deny.extend(subjects);
        }
        Ok(())
    }
}
