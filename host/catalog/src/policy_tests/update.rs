//! Rewriting of a test file, so that it expects what its policy answered.
//!
//! Only the expected verdicts change. Comments, order and every other value stay as they are, so
//! the text is edited and not written again.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use portcullis_core::{PermissionSubject, Permit, SubjectPermission, Verdict};
use portcullis_files::{Disk as _, NewAccess, ReadError, SystemDisk};
use portcullis_toml::text::quoted;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{PolicyTests, TestOutcome};
use crate::paths::MAX_TESTS;
use crate::unit_error::UnitError;

/// A list of subjects longer than this has a line for each subject, in bytes.
const MAX_LINE: usize = 60;

/// The result of an update.
#[derive(Debug, Default)]
pub struct UpdatedTests {
    /// The tests whose expected verdicts were replaced.
    pub updated: Vec<String>,
    /// The failed tests that no new verdict mends, with the reasons.
    pub left: Vec<(String, &'static str)>,
}

/// An error of updating a test file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: ReadError,
    },
    /// The file is no valid test file any more.
    #[error(transparent)]
    Invalid(#[from] UnitError),
    /// The file cannot be replaced.
    #[error("cannot replace `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

/// Replaces the expected verdicts of the failed tests in `file` by what the policy answered.
///
/// # Errors
///
/// Fails if the file cannot be read, if it is no valid test file, or if it cannot be replaced.
pub fn update_tests(file: &Path, outcomes: &[TestOutcome]) -> Result<UpdatedTests, UpdateError> {
    let content = SystemDisk.read(file, MAX_TESTS).map_err(|source| {
        let path = file.to_owned();
        UpdateError::Read { path, source }
    })?;
    let tests = PolicyTests::parse(file, &content.bytes)?;
    let text = String::from_utf8_lossy(&content.bytes);
    let (new, updated) = rewritten(&text, &tests, outcomes);
    if new != text {
        PolicyTests::parse(file, new.as_bytes())?;
        let replaced = SystemDisk.open_parent(file).and_then(|(directory, name)| {
            directory.replace(name, new.as_bytes(), NewAccess::Inherited)
        });
        replaced.map_err(|source| {
            let path = file.to_owned();
            UpdateError::Write { path, source }
        })?;
    }
    Ok(updated)
}

/// Returns the new text of a valid test file.
fn rewritten(text: &str, tests: &PolicyTests, outcomes: &[TestOutcome]) -> (String, UpdatedTests) {
    let (parsed, _) = DeTable::parse_recoverable(text);
    let entries = match parsed.get_ref().get("tests").map(Spanned::get_ref) {
        Some(DeValue::Array(entries)) => entries.iter().collect(),
        _ => Vec::new(),
    };
    let has_default_permit = matches!(
        parsed.get_ref().get("defaults").map(Spanned::get_ref),
        Some(DeValue::Table(defaults)) if defaults.contains_key("permit")
    );
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut result = UpdatedTests::default();
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some());
    for outcome in failed {
        let name = &outcome.name;
        let entry = entries.iter().find_map(|entry| match entry.get_ref() {
            DeValue::Table(entry) if text_of(entry, "name") == Some(name) => Some(entry),
            _ => None,
        });
        let own = tests.0.iter().find(|test| test.name == *name);
        let edit = match (entry, own, &outcome.actual) {
            (Some(_), Some(_), Some(Verdict::Permit(_))) if has_default_permit => {
                Err("`[defaults]` has a permit: write what the test expects yourself")
            }
            (Some(entry), Some(own), Some(actual)) => {
                edit(text, entry, actual, own.request.received_at)
            }
            (Some(_), Some(_), None) => Err("the verdict is not what fails"),
            _ => Err("the file has no such test any more"),
        };
        match edit {
            Ok(edit) => {
                edits.push(edit);
                result.updated.push(name.clone());
            }
            Err(reason) => result.left.push((name.clone(), reason)),
        }
    }
    // From the end, so that the places before stay valid.
    edits.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    let mut text = text.to_owned();
    for (place, new) in edits {
        text.replace_range(place, &new);
    }
    (text, result)
}

fn text_of<'a>(table: &'a DeTable<'_>, key: &str) -> Option<&'a str> {
    table.get(key)?.get_ref().as_str()
}

/// Returns the place of a test's expected verdict, and the text that expects `actual`.
fn edit(
    text: &str,
    entry: &DeTable<'_>,
    actual: &Verdict,
    now: u64,
) -> Result<(Range<usize>, String), &'static str> {
    let expected = ["permit", "deny", "abstain"];
    let expected = expected
        .into_iter()
        .find_map(|key| entry.get_key_value(key));
    let (key, value) = expected.ok_or("it states what the login may do, and no verdict")?;
    let is_assigned = text
        .get(key.span().end..value.span().start)
        .is_some_and(|between| between.trim() == "=");
    if !is_assigned {
        return Err("its permit is no inline table: write `permit = { … }`");
    }
    let stated = match value.get_ref() {
        DeValue::Table(permit) => permit.keys().map(|key| key.get_ref().as_ref()).collect(),
        _ => Vec::new(),
    };
    let new = match actual {
        Verdict::Permit(permit) => format!("permit = {}", rendered(permit, &stated, now)),
        Verdict::Deny(reason) => format!("deny = {}", quoted(reason)),
        Verdict::Abstain => "abstain = true".to_owned(),
    };
    Ok((key.span().start..value.span().end, new))
}

pub(super) fn list(texts: impl IntoIterator<Item = impl ToString>) -> String {
    let texts = texts.into_iter().map(|text| quoted(&text.to_string()));
    let texts: Vec<_> = texts.collect();
    let line = texts.join(", ");
    if line.len() <= MAX_LINE {
        format!("[{line}]")
    } else {
        format!("[\n    {},\n]", texts.join(",\n    "))
    }
}

/// Returns a permit as an inline table: what is always compared, and the `stated` keys.
fn rendered(permit: &Permit, stated: &[&str], now: u64) -> String {
    let mut keys = vec![format!("account = {}", quoted(permit.account().as_str()))];
    let permissions = permit.permissions();
    let sides = [
        ("publish", &permissions.publish),
        ("subscribe", &permissions.subscribe),
    ];
    keys.extend(
        sides
            .into_iter()
            .filter_map(|(name, side)| rendered_side(name, side)),
    );
    if let Some(responses) = permissions.responses {
        let (max, ttl) = (responses.max, responses.ttl.as_millis());
        keys.push(format!("responses = {{ max = {max}, ttl-ms = {ttl} }}"));
    }
    let expires_at = permit.expires_at();
    let times = permit.times().listed().map(|range| {
        let (start, end) = (range.start(), range.end());
        format!("{{ start = \"{start}\", end = \"{end}\" }}")
    });
    let times: Vec<_> = times.collect();
    let account_limits = permit.account_limits().iter();
    let account_limits = account_limits.map(|(limit, max)| format!("{limit} = {max}"));
    let account_limits: Vec<_> = account_limits.collect();
    let optional: [(&str, Option<String>); 13] = [
        ("role", permit.role().map(quoted)),
        ("user-name", permit.user_name().map(quoted)),
        ("expires-at", expires_at.map(|end| end.to_string())),
        (
            "expires-in",
            expires_at.map(|end| end.saturating_sub(now).to_string()),
        ),
        ("tags", Some(list(permit.tags()))),
        ("sources", Some(list(permit.sources().listed()))),
        (
            "connection-types",
            Some(list(permit.connection_types().listed())),
        ),
        ("times", Some(format!("[{}]", times.join(", ")))),
        ("times-location", permit.times_location().map(quoted)),
        ("proxy-required", Some(permit.requires_proxy().to_string())),
        (
            "subscriptions",
            permit.subscriptions().map(|most| most.to_string()),
        ),
        ("payload", permit.payload().map(|bytes| bytes.to_string())),
        (
            "account-limits",
            Some(format!("{{ {} }}", account_limits.join(", "))),
        ),
    ];
    let optional = optional.into_iter().filter(|(key, _)| stated.contains(key));
    keys.extend(optional.filter_map(|(key, value)| Some(format!("{key} = {}", value?))));
    format!("{{ {} }}", keys.join(", "))
}

/// Returns one side of the permissions. `None` if it allows nothing.
fn rendered_side(name: &str, side: &SubjectPermission) -> Option<String> {
    let subjects = |subjects: &[PermissionSubject]| list(subjects.iter().map(ToString::to_string));
    if side.allow.is_empty() {
        return None;
    }
    let allow = subjects(&side.allow);
    Some(if side.deny.is_empty() {
        format!("{name} = {{ allow = {allow} }}")
    } else {
        let deny = subjects(&side.deny);
        format!("{name} = {{ allow = {allow}, deny = {deny} }}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"# Who may do what.
[[tests]]
name = "alice" # the first
login = { username = "alice" }
permit = { account = "APP", publish = { allow = ["old"] }, user-name = "al" } # whole

[[tests]]
name = "bob"
deny = "no"
login = { username = "bob" }

[[tests]]
name = "eve"
login = { username = "eve" }
may-publish = ["a"]

[[tests]]
name = "joe"
login = { username = "joe" }
[tests.permit]
account = "APP"
"#;

    fn permit() -> Permit {
        let mut permit = Permit::builder("APP", 0);
        permit.publish_allow("a");
        permit.publish_allow("b.\"c");
        permit.publish_deny("b");
        permit.user_name("alice");
        permit.tag("team:a");
        permit.finish().unwrap()
    }

    fn failed(name: &str, actual: Option<Verdict>) -> TestOutcome {
        TestOutcome {
            name: name.to_owned(),
            line: 1,
            fuel: 0,
            memory: 0,
            asked: Vec::new(),
            log: Vec::new(),
            doubts: Vec::new(),
            permitted: None,
            failure: Some("it differs".to_owned()),
            actual,
            transient: false,
        }
    }

    fn update(outcomes: &[TestOutcome]) -> (String, UpdatedTests) {
        update_in(FILE, outcomes)
    }

    fn update_in(file: &str, outcomes: &[TestOutcome]) -> (String, UpdatedTests) {
        let tests = PolicyTests::parse(Path::new("p.tests.toml"), file.as_bytes()).unwrap();
        let (text, updated) = rewritten(file, &tests, outcomes);
        PolicyTests::parse(Path::new("p.tests.toml"), text.as_bytes()).unwrap();
        (text, updated)
    }

    #[test]
    fn only_the_expected_verdicts_change() {
        let (text, updated) = update(&[
            failed("alice", Some(Verdict::Permit(permit()))),
            failed("bob", Some(Verdict::Abstain)),
        ]);
        assert_eq!(updated.updated, ["alice", "bob"]);
        assert_eq!(
            text,
            FILE.replace(
                r#"permit = { account = "APP", publish = { allow = ["old"] }, user-name = "al" }"#,
                r#"permit = { account = "APP", publish = { allow = ["a", 'b."c'], deny = ["b"] }, user-name = "alice" }"#,
            )
            .replace(r#"deny = "no""#, "abstain = true")
        );
    }

    #[test]
    fn a_permit_that_defaults_would_change_is_left() {
        let file = format!("[defaults.permit]\npublish = {{ deny = [\"x\"] }}\n{FILE}");
        let outcomes = [
            failed("alice", Some(Verdict::Permit(permit()))),
            failed("bob", Some(Verdict::Abstain)),
        ];
        let (_, updated) = update_in(&file, &outcomes);
        assert_eq!(updated.updated, ["bob"]);
        assert!(updated.left[0].1.contains("`[defaults]`"), "{updated:?}");
    }

    #[test]
    fn what_no_verdict_mends_is_left_with_a_reason() {
        let permit = || Some(Verdict::Permit(permit()));
        let outcomes = [
            failed("eve", permit()),
            failed("joe", permit()),
            failed("bob", None),
        ];
        let (text, updated) = update(&outcomes);
        assert_eq!(text, FILE);
        assert_eq!(updated.updated, [""; 0]);
        let reasons: Vec<_> = updated
            .left
            .iter()
            .map(|(name, why)| (&**name, *why))
            .collect();
        assert_eq!(
            reasons,
            [
                ("eve", "it states what the login may do, and no verdict"),
                (
                    "joe",
                    "its permit is no inline table: write `permit = { … }`"
                ),
                ("bob", "the verdict is not what fails"),
            ]
        );
    }

    #[test]
    fn a_long_list_has_a_line_for_each_subject() {
        let mut builder = Permit::builder("APP", 0);
        for number in 0..9 {
            builder.publish_allow(&format!("orders.{number}"));
        }
        let long = builder.finish().unwrap();
        let (text, _) = update(&[failed("alice", Some(Verdict::Permit(long)))]);
        assert!(text.contains("allow = [\n    \"orders.0\",\n"), "{text}");
    }
}
