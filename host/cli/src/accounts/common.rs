//! Arguments that every kind of claims has: name, tags, expiry, and a patch for the rest.

use clap::Args;
use portcullis_claims::{Claims, Envelope, Fields};
use portcullis_toml::Complaint;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::lifetime::Lifetime;
use super::patched::Checked;
use super::permissions::{change, check_removed};
use super::report::{absent, wrong};
use super::values;
use crate::failure::Failure;

/// Changes that every kind of claims has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct CommonArguments {
    /// A new name.
    #[arg(long, value_name = "NAME", value_parser = values::name)]
    pub(super) rename: Option<String>,
    /// A tag to add; can be given several times.
    #[arg(long, value_name = "TAG", value_parser = values::tag)]
    tag: Vec<String>,
    /// A tag to remove.
    #[arg(long, value_name = "TAG")]
    remove_tag: Vec<String>,
    /// The time until the JWT expires, such as `90d`, or when it does (UTC), such as `2027-01-31`
    /// or `2027-01-31T12:00:00Z`, or `never`.
    #[arg(long, value_name = "TIME", value_parser = values::lifetime)]
    expires: Option<Lifetime>,
    /// A JSON merge patch (RFC 7386) of the object `nats`, for fields without an argument.
    #[arg(long, value_name = "JSON")]
    patch: Option<String>,
}

/// Fields that every write sets, so that a patch of them would have no effect.
const FIXED: [&str; 3] = ["type", "version", "issuer_account"];

impl CommonArguments {
    /// Checks a new name with `is_free`, unless the claims have it already.
    pub(super) fn check_rename<B>(
        &self,
        claims: &Claims<B>,
        is_free: impl FnOnce(&str) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let name = self.rename.as_deref();
        name.filter(|name| claims.name.as_deref() != Some(name))
            .map_or(Ok(()), is_free)
    }

    /// Returns whether the claims are patched.
    pub(super) const fn has_patch(&self) -> bool {
        self.patch.is_some()
    }

    /// Changes claims.
    pub(super) fn apply<F>(&self, claims: &mut Claims<Envelope<F>>, now: u64) -> Result<(), Failure>
    where
        F: Fields + Checked + Serialize + DeserializeOwned,
    {
        if let Some(name) = &self.rename {
            claims.name = Some(name.clone());
        }
        let (added, removed) = (tags(&self.tag), tags(&self.remove_tag));
        check_removed("tag", &removed, &[&claims.nats.tags])?;
        change(&mut claims.nats.tags, &added, &removed);
        if let Some(expires) = self.expires {
            claims.expires_at = expires.end(now);
        }
        if let Some(text) = &self.patch {
            patch(&mut claims.nats, text)?;
        }
        Ok(())
    }
}

/// Returns tags as the Go library writes and compares them: in lower case.
fn tags(tags: &[String]) -> Vec<String> {
    tags.iter().map(|tag| tag.trim().to_lowercase()).collect()
}

/// Merges a patch into the object `nats`. Refuses what other arguments refuse.
fn patch<F>(nats: &mut Envelope<F>, text: &str) -> Result<(), Failure>
where
    F: Checked + Serialize + DeserializeOwned,
{
    let patch: Value = serde_json::from_str(text)
        .map_err(|error| wrong(format!("the patch is no JSON: {error}")))?;
    if !patch.is_object() {
        return Err(wrong(
            "the patch is no JSON object, such as `{\"limits\":{\"conn\":5}}`",
        ));
    }
    if let Some(name) = FIXED.iter().find(|name| patch.get(name).is_some()) {
        return Err(wrong(format!(
            "the patch sets `{name}`, which follows from the command and the signer"
        )));
    }
    let before = serde_json::to_value(&*nats).map_err(Failure::internal)?;
    if let Some(path) = not_there(&before, &patch) {
        return Err(absent(format!(
            "the patch removes `{path}`, which is not there; `describe --json` shows what is"
        )));
    }
    let merged = |patch: &Value| {
        let mut merged = before.clone();
        merge(&mut merged, patch);
        serde_json::from_value::<Envelope<F>>(merged)
    };
    let mut patched = merged(&patch).map_err(|error| {
        let misfit = parts(&patch).into_iter().find_map(|(path, part)| {
            let error = merged(&part).err()?;
            Some(Complaint::new(&path, &error.to_string()))
        });
        // No part is at fault alone.
        let misfit = misfit.unwrap_or_else(|| Complaint::new(".", &error.to_string()));
        wrong(format!("the patch does not fit: {misfit}"))
    })?;
    let written = serde_json::to_value(&patched).map_err(Failure::internal)?;
    if let Some(path) = ignored(&written, &patch) {
        return Err(wrong(format!(
            "the patch sets `{path}`, which these claims do not have; `describe --json` shows those they have"
        )));
    }
    if let Some(path) = opened(&before, &written) {
        return Err(wrong(format!(
            "the patch takes away the last entry of `{path}`, and without any everything is allowed: give another one, such as `>` or `0.0.0.0/0` for all"
        )));
    }
    // Claims from elsewhere can have problems already, which this patch does not make.
    let before = nats.problems();
    let mut problems = patched.problems().into_iter();
    if let Some(problem) = problems.find(|problem| !before.contains(problem)) {
        return Err(wrong(format!("the patch is refused: {problem}")));
    }
    let given = tags(&std::mem::take(&mut patched.tags));
    change(&mut patched.tags, &given, &[]);
    *nats = patched;
    Ok(())
}

fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Some(target) = target.as_object_mut() {
        for (key, value) in patch {
            if value.is_null() {
                target.remove(key);
            } else {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

/// Returns the parts of a patch, each a patch of one value with the path of that value.
fn parts(patch: &Value) -> Vec<(String, Value)> {
    let members = patch.as_object().filter(|members| !members.is_empty());
    let Some(members) = members else {
        return vec![(String::new(), patch.clone())];
    };
    let parts = members.iter().flat_map(|(key, value)| {
        let inner = parts(value).into_iter();
        inner.map(move |(path, part)| {
            let dot = if path.is_empty() { "" } else { "." };
            (format!("{key}{dot}{path}"), json!({ key: part }))
        })
    });
    parts.collect()
}

/// Returns the path of a list in `before` that allows some of what is possible. `after` has no such
/// list, and so allows all.
fn opened(before: &Value, after: &Value) -> Option<String> {
    const LISTS: [&str; 4] = ["allow", "src", "allowed_connection_types", "times"];
    let denies_all = |side: &Value| {
        let denied = side.get("deny").and_then(Value::as_array);
        denied.is_some_and(|denied| denied.iter().any(|subject| subject == ">"))
    };
    let is_left = |name: &str| after.get(name).is_some_and(|value| !is_empty(value));
    let replies_only = before.get("resp").is_some_and(|resp| !is_empty(resp));
    let publish = after.get("pub").unwrap_or(&Value::Null);
    let publishes = publish.get("allow").is_some_and(|allow| !is_empty(allow));
    if replies_only && !is_left("resp") && !publishes && !denies_all(publish) {
        return Some("resp".to_owned());
    }
    before.as_object()?.iter().find_map(|(key, value)| {
        let later = after.get(key).unwrap_or(&Value::Null);
        if LISTS.contains(&key.as_str()) {
            let opens = !is_empty(value) && is_empty(later) && !denies_all(after);
            return opens.then(|| key.clone());
        }
        let path = opened(value, later)?;
        Some(format!("{key}.{path}"))
    })
}

/// Returns the path of a value that `patch` removes and `before` does not have.
fn not_there(before: &Value, patch: &Value) -> Option<String> {
    patch.as_object()?.iter().find_map(|(key, value)| {
        let found = before.get(key);
        if value.is_null() {
            return found.is_none().then(|| key.clone());
        }
        let rest = not_there(found.unwrap_or(&Value::Null), value)?;
        Some(format!("{key}.{rest}"))
    })
}

/// Returns the path of a value in `patch` that `written` does not have. Empty values are not
/// written, so their absence means nothing.
fn ignored(written: &Value, patch: &Value) -> Option<String> {
    let entries = patch
        .as_object()?
        .iter()
        .filter(|(_, value)| !is_empty(value));
    for (key, value) in entries {
        match written.get(key) {
            None => return Some(key.clone()),
            Some(found) => {
                if let Some(rest) = ignored(found, value) {
                    return Some(format!("{key}.{rest}"));
                }
            }
        }
    }
    None
}

/// Returns whether a value is left out of claims, or removes what is there.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(value) => value.as_i64() == Some(0),
        Value::String(value) => value.is_empty(),
        Value::Array(value) => value.is_empty(),
        Value::Object(value) => value.values().all(is_empty),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portcullis_claims::AccountClaims;

    use super::*;

    fn patched(text: &str) -> Result<AccountClaims, String> {
        let mut claims = AccountClaims::new("A", 1);
        claims.nats.default_permissions.subscribe.allow = vec!["a".to_owned()];
        let arguments = CommonArguments {
            patch: Some(text.to_owned()),
            ..CommonArguments::default()
        };
        let applied = arguments.apply(&mut claims, 1);
        applied.map(|()| claims).map_err(|error| error.to_string())
    }

    #[test]
    fn a_patch_sets_what_has_no_argument_and_keeps_the_rest() {
        let text =
            r#"{"trace":{"dest":"traces"},"mappings":{"a":[{"subject":"b"}]},"limits":{"conn":5}}"#;
        let claims = patched(text).unwrap();
        assert_eq!(claims.nats.trace.clone().unwrap().destination, "traces");
        assert_eq!(claims.nats.mappings["a"][0].subject, "b");
        assert_eq!(
            (claims.nats.limits.connections, claims.nats.limits.subs),
            (5, -1)
        );
        let without = patched(r#"{"limits":{"subs":null}}"#).unwrap();
        assert_eq!(without.nats.limits.subs, 0);
    }

    #[test]
    fn a_patch_removes_the_last_entry_of_a_map() {
        let mut claims = AccountClaims::new("A", 1);
        claims.nats.revocations.insert("*".to_owned(), 1);
        patch(&mut claims.nats, r#"{"revocations":{"*":null}}"#).unwrap();
        assert!(claims.nats.revocations.is_empty());
    }

    #[test]
    fn a_patch_of_a_field_that_does_not_exist_is_refused() {
        for (text, expected) in [
            (r#"{"limits":{"connections":5}}"#, "`limits.connections`"),
            (r#"{"limit":{"conn":5}}"#, "`limit`"),
            (r#"{"limits":{"conn":"5"}}"#, "does not fit"),
            (r#"{"type":"user"}"#, "`type`, which follows"),
            (r#"{"issuer_account":null}"#, "`issuer_account`, which"),
            (
                r#"{"default_permissions":{"sub":{"allow":null}}}"#,
                "everything is allowed",
            ),
            (r#"{"mapings":null}"#, "`mapings`, which is not there"),
            (r#"{"revocations":{"U":null}}"#, "`revocations.U`, which"),
            ("[]", "no JSON object"),
            ("{", "no JSON"),
        ] {
            let error = patched(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_patch_is_held_to_the_rules_of_the_other_arguments() {
        for (text, expected) in [
            (r#"{"limits":{"conn":2147483648}}"#, "a number up to"),
            (r#"{"limits":{"subs":-2}}"#, "`-2` for `subscriptions`"),
            (
                r#"{"default_permissions":{"sub":{"allow":[">.a"]}}}"#,
                "not at the end",
            ),
        ] {
            let error = patched(text).unwrap_err();
            assert!(error.starts_with("the patch is refused: "), "{error}");
            assert!(error.contains(expected), "{error}");
        }
        let tagged = patched(r#"{"tags":["Team:A","team:a "]}"#).unwrap();
        assert_eq!(tagged.nats.tags, ["team:a"]);
        // A problem that was there before keeps no patch from being made.
        let mut claims = AccountClaims::new("A", 1);
        claims.nats.limits.connections = 1 << 40;
        patch(&mut claims.nats, r#"{"description":"a"}"#).unwrap();
        assert_eq!(claims.nats.description, "a");
    }

    #[test]
    fn tags_are_in_lower_case_and_once() {
        let mut claims = AccountClaims::new("A", 1);
        let arguments = CommonArguments {
            tag: vec!["Team:A".to_owned(), "team:a".to_owned(), "b".to_owned()],
            remove_tag: vec!["B".to_owned()],
            expires: Some(Lifetime::Limited(Duration::from_mins(1))),
            ..CommonArguments::default()
        };
        claims.nats.tags.push("b".to_owned());
        arguments.apply(&mut claims, 10).unwrap();
        assert_eq!(claims.nats.tags, ["team:a", "b"]);
        assert_eq!(claims.expires_at, Some(70));
    }
}
