//! What is wrong with templates, and with what is to fill them.

use super::Template;
use crate::permit::subject::MAX_SUBJECT;

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// No end of a place.
    #[error("`{{{{` without `}}}}` in `{0}`: a place is written as `{{{{claim.sub}}}}`")]
    Unclosed(String),
    /// No beginning of a place.
    #[error("`}}}}` without `{{{{` in `{0}`: a place is written as `{{{{claim.sub}}}}`")]
    Unopened(String),
    /// Nothing between the braces, or no path behind `claim.`.
    #[error(
        "the place `{{{{{place}}}}}` in `{template}` names nothing: write it as `{{{{claim.sub}}}}`"
    )]
    Unnamed {
        /// What is between the braces.
        place: String,
        /// The whole template.
        template: String,
    },
    /// A place that means nothing here.
    #[error("unknown place `{{{{{place}}}}}` in `{template}`; there are {known}")]
    UnknownPlace {
        /// What is between the braces.
        place: String,
        /// The whole template.
        template: String,
        /// Those that there are.
        known: String,
    },
    /// Two places in one token.
    #[error("two places in one token in `{0}`: put a `.` between them")]
    SharedToken(String),
    /// A wildcard beside a place.
    #[error(
        "a wildcard beside a place in `{0}`: put a `.` between them, or leave the wildcard out"
    )]
    WildcardBesidePlace(String),
    /// Two places in a name.
    #[error("two places in `{0}`: a name has one place at most")]
    SharedName(String),
    /// What is around the places makes no subject.
    #[error("invalid subject `{template}`: {problem}")]
    Subject {
        /// The whole template.
        template: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// What is around the place makes no name.
    #[error("{0}")]
    Name(String),
}

/// Why a template cannot be filled for a login. Says which place, and never what the value is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfilled {
    /// The login has no such fact.
    #[error("the login has no `{0}`")]
    Missing(String),
    /// Too many values.
    #[error("`{template}` stands for more than {limit} subjects", limit = Template::MAX_SUBJECTS)]
    TooMany {
        /// The whole template.
        template: String,
    },
    /// A value makes a subject longer than servers and host take.
    #[error("`{template}` is longer than {MAX_SUBJECT} bytes with the login's `{place}`")]
    TooLong {
        /// The whole template.
        template: String,
        /// The first of its places.
        place: String,
    },
    /// Several values for a name.
    #[error("the login has several `{0}`, and a name takes one")]
    Several(String),
    /// A value that does not fit into a name.
    #[error("`{place}` of the login does not fit into {what}: {expected}")]
    Unfit {
        /// The place, or the claim.
        place: String,
        /// What kind of name.
        what: &'static str,
        /// What would fit.
        expected: &'static str,
    },
}
