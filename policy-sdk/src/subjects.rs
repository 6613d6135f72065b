//! Subjects of a permit: texts that an author wrote or checked.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use portcullis_permit_rules::subject::subscribe_problem;

use crate::request::refuse_in_claim;

/// A subject of a permit, or `subject queue` of a subscription.
///
/// A text that exists at compile time converts into a subject, and [`subject!`](crate::subject!)
/// puts data of a login into one. Any other text needs [`Subject::parse`]. So no text that a client
/// can choose becomes a subject by accident:
///
/// ```compile_fail
/// use portcullis_sdk::Permit;
///
/// let team = String::from("*");
/// Permit::new("APP").allow_publish([format!("team.{team}.>")]);
/// ```
///
/// ```
/// use portcullis_sdk::{Permit, subject};
///
/// let team = String::from("*");
/// let permit = Permit::new("APP").allow_publish([subject!("team.{}.>", team)]);
/// assert_eq!(permit.publish().allow, ["team.%2A.>"]);
/// ```
///
/// In settings, and in values that an operator stores in a key-value bucket, `Subject` deserializes
/// from a text and [parses](Self::parse) it. In a [claim](crate::Request::claim) of a login it does
/// not deserialize.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(Cow<'static, str>);

/// The reason why a text is not a subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid subject `{subject}`: {problem}")]
pub struct SubjectError {
    subject: String,
    problem: &'static str,
}

impl Subject {
    /// Parses a whole subject, or `subject queue`. A wildcard in the text stays a wildcard, so the
    /// text must come from the operator or from the policy itself. For data of a login use
    /// [`subject!`](crate::subject!).
    ///
    /// # Errors
    ///
    /// Fails if the host would reject the text as a subject.
    ///
    /// ```
    /// use portcullis_sdk::Subject;
    ///
    /// assert_eq!(Subject::parse("orders.>")?.as_str(), "orders.>");
    /// let error = Subject::parse("orders..new").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "invalid subject `orders..new`: it has an empty token; remove the extra `.`",
    /// );
    /// # Ok::<(), portcullis_sdk::SubjectError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, SubjectError> {
        match subscribe_problem(text) {
            None => Ok(Self(Cow::Owned(text.to_owned()))),
            Some(problem) => {
                let subject = text.escape_debug().to_string();
                let problem = problem.as_str();
                Err(SubjectError { subject, problem })
            }
        }
    }

    /// Returns the subject as a text.
    ///
    /// ```
    /// use portcullis_sdk::Subject;
    ///
    /// assert_eq!(Subject::from("orders.>").as_str(), "orders.>");
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Wraps a text that the SDK made or checked.
    pub(crate) const fn from_checked(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

/// A text that exists at compile time, which its author wrote. The host validates it.
impl From<&'static str> for Subject {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<&Self> for Subject {
    fn from(subject: &Self) -> Self {
        subject.clone()
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.0.into_owned()
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Subject {
    type Error = SubjectError;

    fn try_from(text: String) -> Result<Self, SubjectError> {
        Self::parse(&text)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        refuse_in_claim()?;
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Makes a [`Subject`](crate::Subject) of a literal with places `{}`, and one value for each place.
///
/// A value never brings a wildcard, a dot, white space, a control character or a leading `$` into
/// the subject. ASCII letters, digits and `-_@+=:/` stay as they are. Every other byte becomes `%`
/// and two upper-case hexadecimal digits ([`escape`](crate::template::escape)), so that different
/// values stay different. An empty value leaves its token empty. The subject is then invalid, and
/// the host denies the login.
///
/// ```
/// use portcullis_sdk::{Permit, subject};
///
/// let (team, shard) = ("red.*", 7);
/// assert_eq!(subject!("team.{}.shard-{}.>", team, shard).as_str(), "team.red%2E%2A.shard-7.>");
/// assert_eq!(subject!("team.{} {}", "red", "workers >").as_str(), "team.red workers%20%3E");
///
/// let empty = Permit::new("APP").allow_publish([subject!("team.{}.>", "")]);
/// assert_eq!(
///     empty.problems(),
///     ["publish-allow: invalid subject `team..>`: it has an empty token; remove the extra `.`"],
/// );
/// ```
///
/// The compiler checks the literal. Each of these lines is an error:
///
/// ```compile_fail
/// portcullis_sdk::subject!("team..{}", "a"); // an empty token
/// ```
/// ```compile_fail
/// portcullis_sdk::subject!("team.{}"); // a place without a value
/// ```
/// ```compile_fail
/// let team = "a";
/// portcullis_sdk::subject!("team.{team}"); // a name in a place
/// ```
/// ```compile_fail
/// portcullis_sdk::subject!("team.{}{}", "a", "b"); // two places in one token
/// ```
/// ```compile_fail
/// portcullis_sdk::subject!("team.{}*", "a"); // a wildcard next to a place
/// ```
/// ```compile_fail
/// portcullis_sdk::subject!("{}.>", "a"); // a client that chooses the first token: `_INBOX`
/// ```
/// ```compile_fail
/// portcullis_sdk::subject!("team.{}.*", "a"); // a final `*`, which hostile clients use as `>`
/// ```
#[macro_export]
macro_rules! subject {
    ($pattern:literal $(, $value:expr)* $(,)?) => {{
        const VALUES: &[&str] = &[$(::core::stringify!($value)),*];
        const PATTERN: $crate::__private::Pattern =
            $crate::__private::Pattern::new($pattern, VALUES.len());
        PATTERN.fill(&[$(&$value as &dyn ::core::fmt::Display),*])
    }};
}

#[cfg(test)]
mod tests {
    use crate::Permit;
    use crate::template::escape;

    #[test]
    fn data_never_matches_more_than_one_token() {
        let hostile = [
            "*", ">", "a.b", "a.*", ".", "..", " ", "a b", "\t", "\r\n", "\u{0}", "\u{a0}", "$SYS",
            "{}", "%2A", "é", "a>", "*.>",
        ];
        for value in hostile {
            let subject = subject!("team.{}.x-{}.> {}", value, value, value);
            let (name, queue) = subject.as_str().split_once(' ').unwrap();
            let tokens: Vec<_> = name.split('.').collect();
            assert_eq!(tokens.len(), 4, "{subject}");
            assert_eq!(tokens[1], escape(value));
            assert_eq!(queue, escape(value));
            let special = |text: &str| {
                text.contains(['*', '>', '{', '$']) || text.contains(char::is_whitespace)
            };
            assert!(
                !special(tokens[1]) && !special(tokens[2]) && !special(queue),
                "{subject}"
            );
            let permit = Permit::new("APP").allow_subscribe([subject]);
            assert_eq!(permit.problems(), [""; 0]);
        }
    }

    #[test]
    fn an_empty_value_makes_the_permit_invalid_wherever_it_stands() {
        for subject in [
            subject!("a.{}.b", ""),
            subject!("a.{}", ""),
            subject!("a.x-{}.b", ""),
            subject!("x{}", ""),
            subject!("x{}.>", ""),
            subject!("a q-{}", ""),
        ] {
            let permit = Permit::new("APP").allow_subscribe([&subject]);
            assert_eq!(permit.problems().len(), 1, "{subject}");
        }
    }
}
