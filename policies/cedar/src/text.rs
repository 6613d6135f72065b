//! The policies of `NAME.cedar`: parsed, validated against the schema, and compared with the
//! settings. Problems have the line and column of the text, and Cedar's own message.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use cedar_policy::{PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;
use portcullis_sdk::{SettingsError, log};

/// The key of the settings that holds the text. The host replaces it by the file's name in errors.
const KEY: &str = "cedar-text";

/// The entities that a text may name.
pub(crate) struct Known<'a> {
    /// The accounts of the settings.
    pub(crate) accounts: &'a [String],
    /// The profiles of the settings.
    pub(crate) profiles: Vec<&'a str>,
}

/// Parses and validates a text.
pub(crate) fn policies(
    text: &str,
    schema: Schema,
    known: &Known<'_>,
) -> Result<PolicySet, SettingsError> {
    if text.trim().is_empty() {
        let problem = "no policies, so no login is permitted: write them into `NAME.cedar`, next to the module";
        return Err(SettingsError::at(KEY, problem));
    }
    let policies = PolicySet::from_str(text).map_err(|errors| {
        let problems = errors.iter().map(|error| located(text, error));
        refusal(&problems.collect::<Vec<_>>())
    })?;
    if let Some(template) = policies.templates().next() {
        let problem = format!(
            "`{}` is a template, and nothing links it: write the entity in place of the slot",
            template.id()
        );
        return Err(refusal(&[problem]));
    }
    let result = Validator::new(schema).validate(&policies, ValidationMode::Strict);
    let mut problems: Vec<_> = result
        .validation_errors()
        .map(|error| located(text, error))
        .collect();
    problems.extend(unknown_entities(&policies, known));
    if !problems.is_empty() {
        return Err(refusal(&problems));
    }
    for warning in result.validation_warnings() {
        log::warn(located(text, warning));
    }
    Ok(policies)
}

/// Returns the names of the policies that have one (`@id("name")`).
pub(crate) fn names(policies: &PolicySet) -> BTreeMap<PolicyId, String> {
    let named = policies.policies().filter_map(|policy| {
        let name = policy.annotation("id")?;
        Some((policy.id().clone(), name.to_owned()))
    });
    named.collect()
}

fn refusal(problems: &[String]) -> SettingsError {
    SettingsError::at(KEY, problems.join("; "))
}

/// Returns the accounts and profiles that policies name and the settings do not: a policy with a
/// misspelt one would never apply.
fn unknown_entities<'a>(
    policies: &'a PolicySet,
    known: &'a Known<'_>,
) -> impl Iterator<Item = String> + 'a {
    let each = policies.policies().flat_map(|policy| {
        let entities = policy.entity_literals();
        entities.into_iter().map(move |entity| (policy, entity))
    });
    each.filter_map(|(policy, entity)| {
        let id: &str = entity.id().as_ref();
        let (key, is_known) = match entity.type_name().basename() {
            "Account" => (
                "accounts",
                known.accounts.iter().any(|account| account == id),
            ),
            "Profile" => ("profiles", known.profiles.contains(&id)),
            _ => return None,
        };
        let name = policy.annotation("id").unwrap_or(policy.id().as_ref());
        (!is_known).then(|| {
            format!("`{name}` names `{entity}`, which `{key}` of the settings does not have")
        })
    })
}

/// Returns the message of an error of Cedar, after its line and column.
fn located(text: &str, error: &dyn Diagnostic) -> String {
    let label = error.labels().and_then(|mut labels| labels.next());
    let place = label.as_ref().map(|label| place(text, label.offset()));
    let mut message = place.unwrap_or_default();
    message.push_str(&error.to_string());
    let label = label.as_ref().and_then(|label| label.label());
    let help = error.help().map(|help| help.to_string());
    for more in [label, help.as_deref()].into_iter().flatten() {
        message.push_str(", ");
        message.push_str(more);
    }
    message.replace('\n', " ")
}

/// Returns `line 3, column 7: ` for an offset in bytes.
fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: ")
}
