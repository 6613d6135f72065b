//! Errors in templates, and reasons why a login cannot fill them.

use portcullis_permit_rules::limits::MAX_SUBJECT_LEN;

/// The maximum number of subjects that one template gives.
pub(super) const MAX_SUBJECTS: usize = 256;

/// A problem of a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A place without its closing braces.
    #[error("`{{{{` without `}}}}` in `{0}`: a place is written as `{{{{claim.sub}}}}`")]
    Unclosed(String),
    /// A place without its opening braces.
    #[error("`}}}}` without `{{{{` in `{0}`: a place is written as `{{{{claim.sub}}}}`")]
    Unopened(String),
    /// An empty place, or one without a path after `claim.`.
    #[error(
        "the place `{{{{{place}}}}}` in `{template}` names nothing: write it as `{{{{claim.sub}}}}`"
    )]
    Unnamed {
        /// The text between the braces.
        place: String,
        /// The whole template.
        template: String,
    },
    /// A place that is not known in this setting.
    #[error("unknown place `{{{{{place}}}}}` in `{template}`; there are {known}")]
    UnknownPlace {
        /// The text between the braces.
        place: String,
        /// The whole template.
        template: String,
        /// The known places, as a list for the message.
        known: String,
    },
    /// A place of the templates that servers fill for scoped signing keys.
    #[error(
        "`{{{{{place}}}}}` in `{template}` is a place that servers fill for scoped signing keys; a policy fills {known}"
    )]
    OfServer {
        /// The text between the braces.
        place: String,
        /// The whole template.
        template: String,
        /// The known places, as a list for the message.
        known: String,
    },
    /// A place in the form of another language of templates.
    #[error("`{place}` in `{template}` is no place: a place is written as `{{{{claim.sub}}}}`")]
    OtherForm {
        /// The text with its braces.
        place: String,
        /// The whole template.
        template: String,
    },
    /// A token with two places.
    #[error("two places in one token in `{0}`: put a `.` between them")]
    SharedToken(String),
    /// A wildcard next to a place.
    #[error(
        "a wildcard next to a place in `{0}`: put a `.` between them, or leave the wildcard out"
    )]
    WildcardBesidePlace(String),
    /// A name with two places.
    #[error("two places in `{0}`: a name has one place at most")]
    SharedName(String),
    /// A text around the places that makes no valid subject.
    #[error("invalid subject `{template}`: {problem}")]
    Subject {
        /// The whole template.
        template: String,
        /// The problem of the subject.
        problem: &'static str,
    },
    /// A text around the place that makes no valid name.
    #[error("{0}")]
    Name(String),
}

/// The reason why a template cannot be filled for a login. The text names the place and never shows
/// the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfilled {
    /// A fact that the login does not have.
    #[error("the login has no `{0}`")]
    Missing(String),
    /// Values that give more subjects than [`MAX_SUBJECTS`](super::Template::MAX_SUBJECTS).
    #[error("`{template}` stands for more than {limit} subjects", limit = MAX_SUBJECTS)]
    TooMany {
        /// The whole template.
        template: String,
    },
    /// A value that makes a subject longer than the host accepts.
    #[error("`{template}` is longer than {MAX_SUBJECT_LEN} bytes with the login's `{place}`")]
    TooLong {
        /// The whole template.
        template: String,
        /// The first place of the template.
        place: String,
    },
    /// Several values for a name, which takes one.
    #[error("the login has several `{0}`, and a name takes one")]
    Several(String),
    /// A value that does not fit into a name.
    #[error("`{place}` of the login does not fit into {what}: {expected}")]
    Unfit {
        /// The place, or the claim.
        place: String,
        /// The kind of name.
        what: &'static str,
        /// The rule that the value breaks.
        expected: &'static str,
    },
}
