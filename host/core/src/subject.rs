//! Subjects of permissions.

mod pattern;
mod set;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use portcullis_permit_rules::limits::MAX_SUBJECT_LEN;
use portcullis_permit_rules::subject::{InvalidSubject, check_publish, check_subscribe};

use crate::text::serde_as_text;
pub(crate) use pattern::Pattern;
#[cfg(test)]
pub(crate) use pattern::compared;
pub(crate) use set::{Entry, SubjectSet};

/// A subject in a permission: literal or with wildcards. In a subscribe permission, a space and a
/// queue group may follow.
///
/// The rules are the server's, and those of [`portcullis_permit_rules::subject`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PermissionSubject(Arc<str>);

impl PermissionSubject {
    /// Maximum length of a subject, in bytes.
    pub const MAX_LEN: usize = MAX_SUBJECT_LEN;

    /// Parses a subject for a publish permission.
    ///
    /// # Errors
    ///
    /// Fails if a server would reject the subject, or if it has a queue group.
    pub fn publish(subject: &str) -> Result<Self, InvalidSubject> {
        check_publish(subject)?;
        Ok(Self::accepted(subject))
    }

    /// Parses a subject for a subscribe permission, `subject` or `subject queue`.
    ///
    /// # Errors
    ///
    /// Fails if a server would reject the subject.
    pub fn subscribe(subject: &str) -> Result<Self, InvalidSubject> {
        check_subscribe(subject)?;
        Ok(Self::accepted(subject))
    }

    /// Returns a subject that the rules have accepted already.
    pub(crate) fn accepted(subject: &str) -> Self {
        Self(subject.into())
    }

    /// Returns `>`, which matches every subject.
    pub fn everything() -> Self {
        Self(">".into())
    }

    /// Returns the subject as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PermissionSubject {
    type Err = InvalidSubject;

    /// Parses a subject as [`PermissionSubject::subscribe`] does, which accepts more than
    /// `publish`.
    fn from_str(subject: &str) -> Result<Self, Self::Err> {
        Self::subscribe(subject)
    }
}

impl fmt::Display for PermissionSubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

serde_as_text!(PermissionSubject);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SubjectProblem;

    #[test]
    fn only_subscribe_permissions_take_a_queue_group() {
        let queue = PermissionSubject::subscribe("a.b queue").unwrap();
        assert_eq!(queue.as_str(), "a.b queue");
        let error = PermissionSubject::publish("a.b queue").unwrap_err();
        assert_eq!(error.problem(), SubjectProblem::QueueInPublish);
        assert!(PermissionSubject::publish("a.>").is_ok());
        assert!(PermissionSubject::subscribe("a..b").is_err());
    }
}
