//! Reasons why profiles make no permit for a login.

use portcullis_permit_rules::limits::MAX_SUBJECTS;

use crate::template::Unfilled;

/// The reason why profiles make no permit for a login. The policy denies the login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A template that cannot be filled. An allow entry whose value is missing does not count.
    #[error("`{profile}`, {list}: {source}")]
    Unfilled {
        /// The name of the profile.
        profile: String,
        /// The key of the list.
        list: &'static str,
        /// The reason why the template cannot be filled.
        #[source]
        source: Unfilled,
    },
    /// The subjects exceed the host's limit.
    #[error("more than {MAX_SUBJECTS} subjects, with those of `{profile}`")]
    TooManySubjects {
        /// The name of the profile that exceeds the limit.
        profile: String,
    },
    /// The bounds of the profiles have an empty intersection.
    #[error("`{profile}` has no {bound} in common with what the login has besides")]
    NothingInCommon {
        /// The name of the profile that makes the intersection empty.
        profile: String,
        /// The name of the bound.
        bound: &'static str,
    },
    /// A value that must be equal in all profiles differs.
    #[error("`{profile}` has another {bound} than what the login has besides")]
    Different {
        /// The name of the profile that differs.
        profile: String,
        /// The name of the bound.
        bound: &'static str,
    },
}
