//! Expansion of templates of scoped signing keys, as the server does it.

mod expand;
mod values;

use super::mode::RoleTemplate;
use super::version::ServerVersion;
use crate::user::SubjectRule;
use expand::expand;

pub use values::TemplateProblem;
pub(super) use values::Values;

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

#[cfg(test)]
mod tests;
