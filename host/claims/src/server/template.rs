//! Expansion of templates of scoped signing keys, as the server does it.

mod expand;

use super::mode::{AccountView, RoleTemplate};
use super::version::ServerVersion;
use crate::user::SubjectRule;
use expand::expand;

/// Maximum number of subjects of one entry, or of one list with tag placeholders.
const MAX_SUBJECTS: usize = 4096;

/// The values of a template's placeholders.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a> {
    /// Value of `{{name()}}`.
    pub(super) name: &'a str,
    /// Value of `{{subject()}}`.
    pub(super) subject: &'a str,
    /// Tags of the user, for `{{tag(x)}}`.
    pub(super) tags: &'a [String],
    /// Value of `{{account-subject()}}`: empty unless the user JWT has an `issuer_account`.
    pub(super) issuer_account: &'a str,
    /// Account, for `{{account-name()}}` and `{{account-tag(x)}}`.
    pub(super) account: &'a AccountView,
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

/// Returns `template` expanded with `values`, for a server of `version`.
pub(super) fn expanded(
    template: &RoleTemplate,
    values: Values<'_>,
    version: ServerVersion,
) -> Result<RoleTemplate, TemplateProblem> {
    let list = |entries: &[String], is_deny| expand(entries, values, is_deny, version);
    let mut subscribe = SubjectRule {
        allow: list(&template.subscribe.allow, false)?,
        deny: list(&template.subscribe.deny, true)?,
    };
    let mut publish = SubjectRule {
        allow: list(&template.publish.allow, false)?,
        deny: list(&template.publish.deny, true)?,
    };
    close_if_emptied(&mut subscribe, &template.subscribe);
    close_if_emptied(&mut publish, &template.publish);
    Ok(RoleTemplate {
        publish,
        subscribe,
        ..template.clone()
    })
}

/// Closes a side whose allowed subjects were all dropped. Otherwise, its empty list would allow
/// everything.
fn close_if_emptied(rule: &mut SubjectRule, before: &SubjectRule) {
    let everything = ">".to_owned();
    if !before.allow.is_empty() && rule.allow.is_empty() && !rule.deny.contains(&everything) {
        rule.deny.push(everything);
    }
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

#[cfg(test)]
mod tests;
