//! The values of placeholders, and the problems with them.

use super::super::mode::AccountView;

/// Maximum number of subjects of one entry, or of one list with tag placeholders.
pub(super) const MAX_SUBJECTS: usize = 4096;

/// The values of a template's placeholders.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Values<'a> {
    /// Value of `{{name()}}`.
    pub(in crate::server) name: &'a str,
    /// Value of `{{subject()}}`.
    pub(in crate::server) subject: &'a str,
    /// Tags of the user, for `{{tag(x)}}`.
    pub(in crate::server) tags: &'a [String],
    /// Value of `{{account-subject()}}`: empty unless the user JWT has an `issuer_account`.
    pub(in crate::server) issuer_account: &'a str,
    /// Account, for `{{account-name()}}` and `{{account-tag(x)}}`.
    pub(in crate::server) account: &'a AccountView,
}

/// A reason why a server cannot use a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateProblem {
    /// A denied subject is not a subject after expansion.
    #[error("the denied subject `{0}` becomes no valid subject")]
    DeniedSubject(String),
    /// A denied subject needs a tag that is missing.
    #[error("the denied subject `{0}` needs a tag that is missing")]
    MissingTag(String),
    /// A placeholder does not exist.
    #[error("`{0}` has a placeholder that does not exist")]
    UnknownPlaceholder(String),
    /// The template expands to too many subjects.
    #[error("`{0}` becomes more than {MAX_SUBJECTS} subjects")]
    TooMany(String),
    /// A placeholder crashes this version of the server.
    #[error("`{0}` has a placeholder that crashes a server of this version")]
    CrashesServer(String),
    /// An entry of `sub` becomes only white space.
    #[error("an entry of `sub` becomes white space, which crashes a server of this version")]
    BlankSubject,
}

/// Returns whether a server accepts `subject`.
pub(super) fn is_subject(subject: &str) -> bool {
    let mut ended = false;
    !subject.is_empty()
        && subject.split('.').all(|token| {
            let valid =
                !ended && !token.is_empty() && !token.contains(['\t', '\n', '\x0c', '\r', ' ']);
            ended = token == ">";
            valid
        })
}
