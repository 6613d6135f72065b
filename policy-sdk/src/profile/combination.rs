//! The combination of several profiles into one permit.

mod bounds;
mod refusal;

use std::collections::BTreeSet;

use bounds::Bounds;

use super::template::Side;
use super::{ProfileTemplate, SubjectLists};
use crate::Permit;
use crate::template::{Unfilled, Values};

pub use refusal::Refusal;

/// Several profiles, filled for one login, as one permit.
///
/// Permissions add up; bounds apply together:
///
/// | setting | in the permit |
/// | --- | --- |
/// | `publish`, `subscribe` | the lists of all profiles, appended in the order in which the profiles were added, each subject once |
/// | `responses` | the most generous one: that with the largest `max`, then with the longest `ttl`; never the `max` of one and the `ttl` of another |
/// | `sources`, `connection-types` | the intersection of the profiles that set it |
/// | `times`, `times-location` | the value of the profiles that set it, which must be equal |
/// | `role` | the value of the profiles that set it, which must be equal |
/// | `proxy-required` | true if at least one profile sets it |
///
/// Bounds with an empty intersection, different times and different roles are a [`Refusal`]. The
/// bounds of one profile thus apply to the permissions of all others: a login cannot escape a bound
/// by having one more profile.
///
/// A place without a value removes its entry from an allow list. If no other entry is left, the
/// side allows nothing. In a deny list, a place without a value is a [`Refusal`].
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
/// assert_eq!(permit, Permit::new("APP").allow_publish(["app.alice.>"]));
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
    subjects: SubjectLists,
    /// The subjects of the allow list. A login of many groups has the same ones from each.
    allowed: BTreeSet<String>,
    /// The subjects of the deny list.
    denied: BTreeSet<String>,
    /// Whether a profile has entries in its allow list, even if the login has no values for them.
    names_allowed: bool,
}

impl Combination {
    /// The maximum number of subjects of one permit: the host's limit.
    pub const MAX_SUBJECTS: usize = portcullis_permit_rules::limits::MAX_SUBJECTS;

    /// Adds a profile, filled with these values. A [`Refusal`] shows the profile as `name`.
    ///
    /// # Errors
    ///
    /// Fails if a template cannot be filled, if there are too many subjects, or if the bounds
    /// conflict with earlier profiles. The policy denies the login then.
    ///
    /// ```
    /// use portcullis_sdk::profile::{Combination, Profile};
    /// use portcullis_sdk::template::Values;
    /// use portcullis_sdk::Request;
    ///
    /// let own: Profile = serde_json::from_str(r#"{ "publish": { "deny": ["{{claim.sub}}"] } }"#)?;
    /// let own = own.template("own", &[])?;
    /// let request = Request::builder().build();
    /// let refusal = Combination::default().add("own", &own, &Values::new(&request)).unwrap_err();
    /// assert_eq!(refusal.to_string(), "`own`, publish.deny: the login has no `claim.sub`");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Allows all other subjects on each side on which the profiles deny subjects and have an empty
    /// allow list. Without this call, such a side allows nothing. An allow list whose entries have
    /// no values does not count as empty.
    ///
    /// ```
    /// use portcullis_sdk::profile::{Combination, Profile};
    /// use portcullis_sdk::template::Values;
    /// use portcullis_sdk::{Permit, Request};
    ///
    /// let most: Profile = serde_json::from_str(r#"{ "publish": { "deny": ["secret.>"] } }"#)?;
    /// let most = most.template("most", &[])?;
    /// let request = Request::builder().build();
    /// let mut combination = Combination::default();
    /// combination.add("most", &most, &Values::new(&request))?;
    /// combination.allow_rest();
    /// let permit = combination.add_to(Permit::new("APP"));
    /// assert_eq!(permit.publish().allow, [">"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn allow_rest(&mut self) {
        for side in [&mut self.publish, &mut self.subscribe] {
            if !side.names_allowed && !side.subjects.deny.is_empty() {
                side.subjects.allow.push(">".to_owned());
                side.names_allowed = true;
            }
        }
    }

    /// Returns whether the combination allows nothing: no subject, no reply, and no role whose
    /// template could.
    ///
    /// ```
    /// use portcullis_sdk::profile::Combination;
    ///
    /// assert!(Combination::default().allows_nothing());
    /// ```
    pub const fn allows_nothing(&self) -> bool {
        self.publish.subjects.allow.is_empty()
            && self.subscribe.subjects.allow.is_empty()
            && self.bounds.allow_nothing()
    }

    /// Adds the combination to a permit. With a role, the permit's user name is escaped
    /// ([`escape`](crate::template::escape)), because the role's template inserts it into subjects.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    /// use portcullis_sdk::profile::Combination;
    ///
    /// let permit = Combination::default().add_to(Permit::new("APP"));
    /// assert_eq!(permit, Permit::new("APP"));
    /// ```
    pub fn add_to(self, permit: Permit) -> Permit {
        let permit = permit.add_subjects(&self.publish.subjects, &self.subscribe.subjects);
        self.bounds.add_to(permit)
    }
}

impl Lists {
    fn len(&self) -> usize {
        let SubjectLists { allow, deny } = &self.subjects;
        allow.len().saturating_add(deny.len())
    }

    /// Fills the templates of a side and appends the subjects. The error names the list.
    fn add(
        &mut self,
        side: &Side,
        [allow, deny]: [&'static str; 2],
        values: &Values<'_>,
    ) -> Result<(), (&'static str, Unfilled)> {
        self.names_allowed |= !side.allow.is_empty();
        for template in &side.allow {
            match template.subjects(values) {
                Ok(subjects) => append(&mut self.subjects.allow, &mut self.allowed, subjects),
                Err(Unfilled::Missing(_)) => {}
                Err(unfilled) => return Err((allow, unfilled)),
            }
        }
        for template in &side.deny {
            let subjects = template
                .subjects(values)
                .map_err(|unfilled| (deny, unfilled))?;
            append(&mut self.subjects.deny, &mut self.denied, subjects);
        }
        Ok(())
    }
}

/// Appends the subjects that are not `known`.
fn append(list: &mut Vec<String>, known: &mut BTreeSet<String>, subjects: Vec<String>) {
    for subject in subjects {
        if known.insert(subject.clone()) {
            list.push(subject);
        }
    }
}
