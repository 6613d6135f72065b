//! Reasons why a ceiling cannot be applied to a permit.

use crate::{OpenTail, PermissionSubject, WorkExceeded};

/// A reason why a ceiling cannot be applied to a permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CeilingExceeded {
    /// No subject of the ceiling covers a subject of the permit.
    #[error(
        "the permit's {side}-allow `{subject}` is covered by no subject of the ceiling's {side}-allow"
    )]
    NotCovered {
        /// Side of the permit: `publish` or `subscribe`.
        side: &'static str,
        /// The permit's subject.
        subject: PermissionSubject,
    },
    /// The ceiling denies a part of what the permit allows, and the permit does not deny that part.
    #[error(
        "the permit's {side}-allow `{subject}` reaches into `{denied}`, which the ceiling's {side}-deny takes out; deny it in the permit too"
    )]
    Denied {
        /// Side of the permit: `publish` or `subscribe`.
        side: &'static str,
        /// The permit's subject.
        subject: PermissionSubject,
        /// The subject that the ceiling denies.
        denied: PermissionSubject,
    },
    /// The permit allows more replies, or a longer time, than the ceiling.
    #[error(
        "the permit's responses ({asked}) go beyond the ceiling's ({most}); grant fewer, or raise `responses` of the ceiling"
    )]
    Responses {
        /// The permit's limits on replies.
        asked: String,
        /// The ceiling's limits on replies.
        most: String,
    },
    /// Permit and ceiling both name queue groups, and one of them also allows the plain subject.
    ///
    /// To a server, the entry with the queue group takes precedence over the plain one. No list of
    /// subjects describes what both allow.
    #[error(
        "the permit's subscribe-allow `{subject}` and the ceiling's `{ceiling}` name queue groups on subjects that `{plain}` allows without one; no list of subjects says what both allow, so keep them apart"
    )]
    MixedQueues {
        /// The permit's subject.
        subject: PermissionSubject,
        /// The ceiling's subject.
        ceiling: PermissionSubject,
        /// The subject without a queue group, from either list.
        plain: PermissionSubject,
    },
    /// A permitted subject ends in a `*` that clients can use as `>`, and the ceiling does not
    /// allow that.
    #[error("the permit goes beyond what the ceiling allows below `{subject}`: {0}", subject = .0.subject)]
    OpenTail(OpenTail),
    /// The comparison costs more than the budget of a login.
    #[error(transparent)]
    TooMuchWork(#[from] WorkExceeded),
    /// The result has more subjects than a permit can carry.
    #[error("what permit and ceiling have in common takes more than {limit} subjects to say")]
    TooMany {
        /// Maximum number of subjects.
        limit: usize,
    },
    /// The result has a longer subject than a permit can carry.
    #[error(
        "what the permit's `{subject}` and the ceiling's `{ceiling}` have in common takes more than {limit} bytes to say",
        limit = PermissionSubject::MAX_LEN
    )]
    TooLong {
        /// The permit's subject.
        subject: PermissionSubject,
        /// The ceiling's subject.
        ceiling: PermissionSubject,
    },
}
