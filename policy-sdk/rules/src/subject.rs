//! Subjects of permissions.
//!
//! The rules are the server's (`Subject.Validate` of nats-io/jwt): a subject is not empty and has
//! no empty token. White space is allowed only as the space before a queue group. A server denies a
//! whole login because of one bad subject, so the host rejects the subject first.

use std::error::Error;
use std::fmt;

use crate::is_blank;
use crate::limits::MAX_SUBJECT_LEN;

/// A reason why a subject is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectProblem {
    /// The subject is empty.
    Empty,
    /// The subject has an empty token: `a..b`, `.a`, `a.`.
    EmptyToken,
    /// The subject has white space or a control character.
    Whitespace,
    /// The subject begins or ends with a space, which would stand before a queue group.
    OuterSpace,
    /// The name of the queue group has white space or a control character.
    QueueWhitespace,
    /// The subject has `>` before the last token.
    MisplacedTail,
    /// A publish permission has a queue group.
    QueueInPublish,
    /// The subject is longer than [`MAX_SUBJECT_LEN`].
    TooLong,
}

impl SubjectProblem {
    /// Returns the problem in words that follow the subject.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "it is empty",
            Self::EmptyToken => "it has an empty token; remove the extra `.`",
            Self::Whitespace => "it contains white space or a control character",
            Self::OuterSpace => "it begins or ends with a space; remove it",
            Self::QueueWhitespace => {
                "the name of its queue group contains white space or a control character"
            }
            Self::MisplacedTail => "`>` stands before the last token; `*` stands for one token",
            Self::QueueInPublish => "a queue group is only possible in subscribe permissions",
            Self::TooLong => "it is longer than 1024 bytes",
        }
    }
}

impl fmt::Display for SubjectProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A subject that no permission can carry.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl fmt::Display for InvalidSubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, problem } = self;
        write!(formatter, "invalid subject `{subject}`: {problem}")
    }
}

impl Error for InvalidSubject {}

/// Checks the subject of a publish permission.
///
/// # Errors
///
/// Fails if a server would reject the subject, or if it has a queue group.
pub fn check_publish(subject: &str) -> Result<(), InvalidSubject> {
    check(subject, publish_problem(subject))
}

/// Checks the subject of a subscribe permission, `subject` or `subject queue`.
///
/// # Errors
///
/// Fails if a server would reject the subject.
pub fn check_subscribe(subject: &str) -> Result<(), InvalidSubject> {
    check(subject, subscribe_problem(subject))
}

fn check(subject: &str, problem: Option<SubjectProblem>) -> Result<(), InvalidSubject> {
    problem.map_or(Ok(()), |problem| Err(InvalidSubject::new(subject, problem)))
}

/// Returns the problem of the subject of a publish permission.
pub fn publish_problem(subject: &str) -> Option<SubjectProblem> {
    if subject.trim_matches(' ').contains(' ') {
        return Some(SubjectProblem::QueueInPublish);
    }
    subscribe_problem(subject)
}

/// Returns the problem of the subject of a subscribe permission, `subject` or `subject queue`.
pub fn subscribe_problem(subject: &str) -> Option<SubjectProblem> {
    if subject.len() > MAX_SUBJECT_LEN {
        return Some(SubjectProblem::TooLong);
    }
    if subject.starts_with(' ') || subject.ends_with(' ') {
        return Some(SubjectProblem::OuterSpace);
    }
    match subject.split_once(' ') {
        None => pattern_problem(subject),
        Some((pattern, queue)) => pattern_problem(pattern).or_else(|| {
            pattern_problem(queue).map(|problem| match problem {
                SubjectProblem::Whitespace => SubjectProblem::QueueWhitespace,
                problem => problem,
            })
        }),
    }
}

fn pattern_problem(pattern: &str) -> Option<SubjectProblem> {
    if pattern.is_empty() {
        return Some(SubjectProblem::Empty);
    }
    if pattern.chars().any(is_blank) {
        return Some(SubjectProblem::Whitespace);
    }
    if pattern.split('.').any(str::is_empty) {
        return Some(SubjectProblem::EmptyToken);
    }
    let misplaced = pattern.split('.').rev().skip(1).any(|token| token == ">");
    misplaced.then_some(SubjectProblem::MisplacedTail)
}

/// Returns whether `text`, inserted into a subject, is exactly one token that matches only itself.
///
/// Servers insert user names and tags into the templates of scoped signing keys without escaping
/// them. A `.` then splits the token, and `*` and `>` are wildcards. White space of any kind begins
/// a queue group, braces begin a placeholder, and a leading `$` names system subjects.
pub fn is_literal_token(text: &str) -> bool {
    let special =
        |character| is_blank(character) || matches!(character, '.' | '*' | '>' | '{' | '}');
    !text.is_empty() && !text.starts_with('$') && !text.contains(special)
}

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
            ("a b c", SubjectProblem::QueueWhitespace),
            (" a", SubjectProblem::OuterSpace),
            ("a ", SubjectProblem::OuterSpace),
            (" ", SubjectProblem::OuterSpace),
            ("a b..c", SubjectProblem::EmptyToken),
            (">.a", SubjectProblem::MisplacedTail),
        ];
        for (subject, problem) in refused {
            assert_eq!(subscribe_problem(subject), Some(problem), "{subject:?}");
        }
        let long = "a".repeat(1025);
        assert_eq!(subscribe_problem(&long), Some(SubjectProblem::TooLong));
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
                assert!(check_subscribe(&subject).is_err(), "{subject:?}");
                assert!(check_publish(&subject).is_err(), "{subject:?}");
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
            assert_eq!(subscribe_problem(subject), None, "{subject}");
        }
        let error = check_publish("a queue").unwrap_err();
        assert_eq!(error.problem(), SubjectProblem::QueueInPublish);
        assert_eq!(publish_problem("a.>"), None);
    }
}
