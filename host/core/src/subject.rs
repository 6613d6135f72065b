//! Subjects of permissions.

mod pattern;
mod set;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::text::serde_as_text;
pub(crate) use pattern::Pattern;
#[cfg(test)]
pub(crate) use pattern::compared;
pub(crate) use set::{Entry, SubjectSet};

/// A subject in a permission: literal or with wildcards. In a subscribe permission, a space and a
/// queue group may follow.
///
/// The rules are the server's (`Subject.Validate` of nats-io/jwt): a subject is not empty and has
/// no empty token. White space is allowed only as the space before a queue group. A server denies a
/// whole login because of one bad subject, so the host rejects the subject first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PermissionSubject(Arc<str>);

/// A reason why a subject is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubjectProblem {
    /// The subject is empty.
    #[error("it is empty")]
    Empty,
    /// The subject has an empty token: `a..b`, `.a`, `a.`.
    #[error("it has an empty token; remove the extra `.`")]
    EmptyToken,
    /// The subject has white space or a control character.
    #[error("it contains white space or a control character")]
    Whitespace,
    /// The subject has `>` before the last token.
    #[error("`>` stands before the last token")]
    MisplacedTail,
    /// A publish permission has a queue group.
    #[error("a queue group is only possible in subscribe permissions")]
    QueueInPublish,
    /// The subject is longer than [`PermissionSubject::MAX_LEN`].
    #[error("it is longer than 1024 bytes")]
    TooLong,
}

/// A subject that no permission can carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid subject `{subject}`: {problem}")]
pub struct InvalidSubject {
    subject: String,
    problem: SubjectProblem,
}

impl InvalidSubject {
    fn new(subject: &str, problem: SubjectProblem) -> Self {
        let subject = subject
            .chars()
            .take(128)
            .flat_map(char::escape_debug)
            .collect();
        Self { subject, problem }
    }

    /// Returns what is wrong with the subject.
    pub const fn problem(&self) -> SubjectProblem {
        self.problem
    }
}

impl PermissionSubject {
    /// Maximum length of a subject, in bytes.
    pub const MAX_LEN: usize = 1024;

    /// Parses a subject for a publish permission.
    ///
    /// # Errors
    ///
    /// Fails if a server would reject the subject, or if it has a queue group.
    pub fn publish(subject: &str) -> Result<Self, InvalidSubject> {
        if subject.contains(' ') {
            return Err(InvalidSubject::new(subject, SubjectProblem::QueueInPublish));
        }
        Self::subscribe(subject)
    }

    /// Parses a subject for a subscribe permission, `subject` or `subject queue`.
    ///
    /// # Errors
    ///
    /// Fails if a server would reject the subject.
    pub fn subscribe(subject: &str) -> Result<Self, InvalidSubject> {
        match problem_of(subject) {
            None => Ok(Self(subject.into())),
            Some(problem) => Err(InvalidSubject::new(subject, problem)),
        }
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

/// Returns whether `text`, inserted into a subject, is exactly one token that matches only itself.
///
/// Servers insert user names and tags into the templates of scoped signing keys without escaping
/// them. A `.` then splits the token, and `*` and `>` are wildcards. White space of any kind begins
/// a queue group, braces begin a placeholder, and a leading `$` names system subjects.
pub(crate) fn is_literal_token(text: &str) -> bool {
    let special = |character: char| {
        character.is_whitespace()
            || character.is_control()
            || matches!(character, '.' | '*' | '>' | '{' | '}')
    };
    !text.is_empty() && !text.starts_with('$') && !text.contains(special)
}

fn problem_of(subject: &str) -> Option<SubjectProblem> {
    if subject.len() > PermissionSubject::MAX_LEN {
        return Some(SubjectProblem::TooLong);
    }
    match subject.split_once(' ') {
        None => pattern_problem(subject),
        Some((pattern, queue)) => pattern_problem(pattern).or_else(|| pattern_problem(queue)),
    }
}

fn pattern_problem(pattern: &str) -> Option<SubjectProblem> {
    if pattern.is_empty() {
        return Some(SubjectProblem::Empty);
    }
    if pattern
        .chars()
        .any(|character| character.is_whitespace() || character.is_control())
    {
        return Some(SubjectProblem::Whitespace);
    }
    if pattern.split('.').any(str::is_empty) {
        return Some(SubjectProblem::EmptyToken);
    }
    let tail = pattern.split('.').position(|token| token == ">");
    let last = pattern.split('.').count().saturating_sub(1);
    tail.is_some_and(|position| position != last)
        .then_some(SubjectProblem::MisplacedTail)
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

    #[test]
    fn subjects_the_server_refuses_are_refused_with_the_reason() {
        let refused = [
            ("", SubjectProblem::Empty),
            (".", SubjectProblem::EmptyToken),
            ("a..b", SubjectProblem::EmptyToken),
            (".a", SubjectProblem::EmptyToken),
            ("a.", SubjectProblem::EmptyToken),
            ("a\tb", SubjectProblem::Whitespace),
            ("a\n", SubjectProblem::Whitespace),
            ("a b c", SubjectProblem::Whitespace),
            (" a", SubjectProblem::Empty),
            ("a ", SubjectProblem::Empty),
            (">.a", SubjectProblem::MisplacedTail),
        ];
        for (subject, problem) in refused {
            let error = PermissionSubject::subscribe(subject).unwrap_err();
            assert_eq!(error.problem(), problem, "{subject:?}");
        }
        let long = "a".repeat(1025);
        assert!(PermissionSubject::subscribe(&long).is_err());
    }

    /// Servers split a `sub` entry at every white space of Unicode.
    #[test]
    fn no_white_space_of_any_kind_is_a_part_of_a_subject() {
        // A space stands before a queue group.
        let blank = |character: &char| {
            *character != ' ' && (character.is_whitespace() || character.is_control())
        };
        for character in ('\0'..=char::MAX).filter(blank) {
            for subject in [
                format!("{character}"),
                format!(">{character}a"),
                format!("a {character}q"),
            ] {
                assert!(
                    PermissionSubject::subscribe(&subject).is_err(),
                    "{subject:?}"
                );
                assert!(PermissionSubject::publish(&subject).is_err(), "{subject:?}");
            }
            assert!(
                !is_literal_token(&format!("a{character}b")),
                "{character:?}"
            );
        }
    }

    #[test]
    fn a_literal_token_is_one_token_that_matches_itself() {
        for token in [
            "alice",
            "alice@example",
            "a%2Eb",
            "<a",
            "a$",
            "käthe",
            "spiffe://x/y",
        ] {
            assert!(is_literal_token(token), "{token}");
        }
        for text in ["", "*", ">", "a*", "a.b", "a b", "{{name()}}", "a}", "$SYS"] {
            assert!(!is_literal_token(text), "{text}");
        }
    }

    #[test]
    fn wildcards_and_queues_are_accepted_where_the_server_takes_them() {
        for subject in [
            "a",
            "a.b",
            "*",
            ">",
            "a.*.>",
            "$JS.API.>",
            "a*b",
            "a.b queue",
            "a q.*",
        ] {
            assert_eq!(
                PermissionSubject::subscribe(subject).unwrap().as_str(),
                subject
            );
        }
        let error = PermissionSubject::publish("a queue").unwrap_err();
        assert_eq!(error.problem(), SubjectProblem::QueueInPublish);
        assert!(PermissionSubject::publish("a.>").is_ok());
    }
}
