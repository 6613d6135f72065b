//! The subjects of a profile.

use serde::{Deserialize, Deserializer};

use crate::request::refuse_in_claim;

/// The subjects of one side of a [`Profile`](super::Profile), publish or subscribe, as settings
/// have them. Deny wins over allow; an empty allow list allows nothing.
///
/// Only deserialization makes lists that are not empty, so that no text of a login becomes a
/// subject by accident. [`Permit::allow_publish`](crate::Permit::allow_publish) takes what a policy
/// computes.
///
/// ```compile_fail,E0616
/// use portcullis_sdk::profile::Profile;
///
/// let team = String::from("*");
/// let mut profile = Profile::default();
/// profile.publish.allow.push(format!("team.{team}.>"));
/// ```
///
/// ```compile_fail,E0451
/// use portcullis_sdk::profile::{Profile, SubjectLists};
///
/// let team = String::from("*");
/// let publish = SubjectLists { allow: vec![format!("team.{team}.>")], deny: Vec::new() };
/// ```
///
/// ```compile_fail,E0308
/// use portcullis_sdk::Subjects;
/// use portcullis_sdk::profile::Profile;
///
/// let team = String::from("*");
/// let publish = Subjects { allow: vec![format!("team.{team}.>")], deny: Vec::new() };
/// let profile = Profile { publish, ..Profile::default() };
/// ```
///
/// ```
/// use portcullis_sdk::{Permit, subject};
/// use portcullis_sdk::profile::{Profile, SubjectLists};
///
/// let team = String::from("*");
/// let profile = Profile { publish: SubjectLists::default(), ..Profile::default() };
/// let permit = profile.add_to(Permit::new("APP")).allow_publish([subject!("team.{}.>", team)]);
/// assert_eq!(permit.publish().allow, ["team.%2A.>"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table like { allow = [\"orders.>\"], deny = [] }"
)]
pub struct SubjectLists {
    /// Allowed subjects.
    #[serde(default)]
    pub(crate) allow: Vec<String>,
    /// Denied subjects.
    #[serde(default)]
    pub(crate) deny: Vec<String>,
}

/// Deserializes a part of a profile that has subjects. Fails for a claim of a login.
pub(super) fn of_settings<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    refuse_in_claim()?;
    T::deserialize(deserializer)
}
