//! Templates of scoped signing keys, expanded as the server does it.

mod expand;

use super::mode::{AccountView, RoleTemplate};
use super::version::ServerVersion;
use crate::user::SubjectRule;
use expand::expand;

/// The most subjects that one entry, or one list with templates of tags, may come to.
const MOST_SUBJECTS: usize = 4096;

/// What stands for the placeholders of a template.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a> {
    /// `{{name()}}`.
    pub(super) name: &'a str,
    /// `{{subject()}}`.
    pub(super) subject: &'a str,
    /// `{{tag(x)}}`.
    pub(super) tags: &'a [String],
    /// `{{account-subject()}}`: empty unless the user JWT has an `issuer_account`.
    pub(super) issuer_account: &'a str,
    /// `{{account-name()}}` and `{{account-tag(x)}}`.
    pub(super) account: &'a AccountView,
}

/// Why a template comes to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateProblem {
    /// A denied subject that is none once expanded.
    #[error("the denied subject `{0}` becomes no valid subject")]
    DeniedSubject(String),
    /// A denied subject with a tag that is missing.
    #[error("the denied subject `{0}` needs a tag that is missing")]
    MissingTag(String),
    /// A placeholder that does not exist.
    #[error("`{0}` has a placeholder that does not exist")]
    UnknownPlaceholder(String),
    /// Too many subjects.
    #[error("`{0}` becomes more than {MOST_SUBJECTS} subjects")]
    TooMany(String),
    /// A placeholder that this version of the server does not survive.
    #[error("`{0}` has a placeholder that crashes a server of this version")]
    CrashesServer(String),
    /// An entry of `sub` of which nothing but white space is left.
    #[error("an entry of `sub` becomes white space, which crashes a server of this version")]
    BlankSubject,
}

/// `template` with `values` in it, for a server of `version`.
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

/// What allowed something and allows nothing any more must not allow everything.
fn close_if_emptied(rule: &mut SubjectRule, before: &SubjectRule) {
    let everything = ">".to_owned();
    if !before.allow.is_empty() && rule.allow.is_empty() && !rule.deny.contains(&everything) {
        rule.deny.push(everything);
    }
}

/// Whether a server takes `subject` for one.
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
