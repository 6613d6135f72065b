//! The settings file of a policy, `NAME.toml`: settings and limits.

pub(crate) mod problem;

use std::fmt::Display;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use bytesize::ByteSize;
use portcullis_core::{BucketName, PolicyName};
use portcullis_engine::{AmountMut, Limits, LoadError};
use portcullis_toml::{Document, InvalidValue, Kind, Problem, Read, Section, Setting, kinds};
use serde_json::{Map, Value};

use crate::terms::{MaxLimits, Terms};
use crate::unit_error::{UnitError, UnitProblem};
use problem::SettingsFileProblem;

/// The content of `NAME.toml`.
pub(crate) struct SettingsFile {
    /// Table for the policy's `configure`, unchanged.
    pub(crate) settings: Map<String, Value>,
    pub(crate) limits: Limits,
    /// Number of decisions that an instance makes. `None` if the file sets none, or one.
    pub(crate) decisions_per_instance: Option<NonZeroU32>,
}

impl SettingsFile {
    /// Reads the settings file of the policy `name` and checks it against `terms`. A missing file
    /// counts as an empty one.
    pub(crate) fn read(
        file: &Path,
        bytes: Option<&[u8]>,
        name: &PolicyName,
        terms: &Terms,
    ) -> Result<Self, UnitError> {
        let text = std::str::from_utf8(bytes.unwrap_or_default()).map_err(|_| {
            UnitError::new(file, UnitProblem::Settings(SettingsFileProblem::NotText))
        })?;
        // A password may stand in the wrong place.
        let document = Document::new(file, text).without_values();
        let table = document.parse();
        let read = table
            .as_ref()
            .and_then(|table| read_file(document.root(table), name, terms));
        drop(table);
        let problems = document.into_problems();
        match read {
            Some(read) if problems.is_empty() => Ok(read),
            _ => Err(refusal(file, problems)),
        }
    }

    /// Returns the JSON Schema of the settings file of the policy `name`.
    pub(crate) fn schema(name: &PolicyName, terms: &Terms) -> serde_json::Value {
        Document::schema(|_, root| {
            read_file(root, name, terms);
        })
    }
}

/// Returns one error for all problems, at the line of the first.
fn refusal(file: &Path, problems: Vec<Problem>) -> UnitError {
    let line = problems.first().and_then(Problem::line);
    let problem = UnitProblem::Settings(SettingsFileProblem::Content(problems));
    UnitError::new(file, problem).at_line(line)
}

const DEADLINE: Kind<Duration> = Kind {
    expected: "a duration such as `50ms`",
    ..kinds::SOME_TIME
};

/// A number of bytes, zero included, with an example of the usual size in `expected`.
const fn size(expected: &'static str) -> Kind<usize> {
    Kind {
        expected,
        parse: |text| {
            let size = text.parse::<ByteSize>().map_err(InvalidValue::rule)?;
            usize::try_from(size.as_u64()).map_err(InvalidValue::rule)
        },
    }
}

fn read_file(mut root: Section<'_>, name: &PolicyName, terms: &Terms) -> Option<SettingsFile> {
    let settings = root.setting("settings");
    let settings = settings.map_or(Some(Map::new()), Setting::any_table);
    let limits = read_limits(root.section("limits"), name, terms);
    let decisions = read_instances(root.section("instances"), name, terms);
    if let Some(grants) = root.refused("grants") {
        report_moved_grants(grants, name);
    }
    root.finish();
    Some(SettingsFile {
        settings: settings?,
        limits: limits?,
        decisions_per_instance: decisions?.filter(|decisions| decisions.get() > 1),
    })
}

fn read_limits(mut section: Section<'_>, name: &PolicyName, terms: &Terms) -> Option<Limits> {
    let mut limits = terms.limits;
    let mut is_valid = true;
    for (key, amount) in limits.each_mut() {
        is_valid &= read_limit(&mut section, key, amount).is_some();
    }
    report_beyond(&mut section, &limits, name, terms);
    section.finish();
    is_valid.then_some(limits)
}

/// Reads the limit `key` into `amount`, which is unchanged without the key.
fn read_limit(section: &mut Section<'_>, key: &'static str, amount: AmountMut<'_>) -> Option<()> {
    match amount {
        AmountMut::Time(time) => *time = section.value(key, &DEADLINE, *time)?,
        AmountMut::Bytes { bytes, .. } => {
            let kind = size(match key {
                "memory" => "a size such as `16MiB`",
                "host-call-bytes" => "a size such as `1MiB`",
                _ => "a size such as `1KiB`",
            });
            *bytes = section.value(key, &kind, *bytes)?;
        }
        AmountMut::Count { count, .. } => {
            let setting = section.setting(key);
            *count = setting.map_or(Some(*count), Setting::whole_number)?;
        }
    }
    Some(())
}

/// Reports each limit above the host's own bound, and each above the operator's maximum.
fn report_beyond(section: &mut Section<'_>, limits: &Limits, name: &PolicyName, terms: &Terms) {
    let beyond_bound: Vec<_> = limits.beyond(&Limits::MAX).collect();
    let beyond_max = limits.beyond(&terms.max_limits.limits);
    // The operator cannot raise the host's own bound.
    let beyond_max =
        beyond_max.filter(|(asked, _)| !beyond_bound.iter().any(|(other, _)| other == asked));
    let raised = beyond_max
        .map(|(asked, most)| (asked.name, beyond(&asked.amount, &most, asked.name, name)));
    let raised: Vec<_> = raised.collect();
    let bound = beyond_bound
        .into_iter()
        .map(|(asked, most)| (asked.name, LoadError::Limit { asked, most }.to_string()));
    for (key, message) in bound.chain(raised) {
        match section.setting(key) {
            Some(setting) => setting.report(message),
            None => section.report_missing(key, message),
        }
    }
}

/// Reads the number of decisions that an instance makes. The inner value is `None` if the file sets
/// none.
fn read_instances(
    mut section: Section<'_>,
    name: &PolicyName,
    terms: &Terms,
) -> Read<Option<NonZeroU32>> {
    let setting = section.setting("decisions");
    section.finish();
    let Some(setting) = setting else {
        return Some(None);
    };
    let decisions = setting.number(1, MaxLimits::MAX_DECISIONS.into())?;
    let decisions = NonZeroU32::new(u32::try_from(decisions).ok()?)?;
    let most = terms.max_limits.decisions_per_instance;
    if decisions > most {
        setting.report(beyond(&decisions, &most, "decisions-per-instance", name));
        return None;
    }
    Some(Some(decisions))
}

/// Returns the refusal of a limit above the operator's maximum, which the key `raise` sets.
fn beyond(asked: &dyn Display, most: &dyn Display, raise: &str, name: &PolicyName) -> String {
    format!(
        "{asked} is more than the {most} that portcullis.toml allows: lower it, or raise `{raise}` there, under \
         [policies.max-limits] for all policies or under [policies.grants.{name}.max-limits] for this one"
    )
}

/// Rejects the table `grants`, which older hosts read, and quotes its replacement.
fn report_moved_grants(grants: Setting<'_>, name: &PolicyName) {
    let Some(table) = grants.any_table() else {
        return;
    };
    let lines = table.iter().filter_map(|(key, value)| match key.as_str() {
        "secrets" | "plain-hashes" => Some(format!("`{key} = {}`", value.as_bool()?)),
        "key-value" => {
            let names = value.as_array()?.iter();
            let names = names.map(|name| name.as_str()?.parse::<BucketName>().ok());
            let names = names.map(|name| Some(format!("\"{}\"", name?)));
            let names = names.collect::<Option<Vec<_>>>()?;
            Some(format!("`key-value = [{}]`", names.join(", ")))
        }
        _ => None,
    });
    let header = format!("`[policies.grants.{name}]`");
    let lines: Vec<_> = std::iter::once(header).chain(lines).collect();
    grants.report(format!(
        "only portcullis.toml grants; remove this table and write there: {}",
        lines.join(", ")
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::CatalogOptions;

    /// Reads a settings file of the policy `p`, under the default terms.
    fn read(text: &str) -> Result<SettingsFile, UnitError> {
        let name = "p".parse().unwrap();
        let terms = CatalogOptions::new(".").terms(&name);
        SettingsFile::read(Path::new("p.toml"), Some(text.as_bytes()), &name, &terms)
    }

    #[test]
    fn a_wrong_key_is_reported_with_its_line() {
        for (text, line, message) in [
            (
                "[limits]\nlog-line = 3\n",
                2,
                "limits.log-line: unknown key, did you mean `log-lines`?",
            ),
            (
                "[settings]\na = 1\n\n[instance]\n",
                4,
                "instance: unknown key, did you mean `instances`?",
            ),
            (
                "[instances]\n\ndecisions = 0\n",
                3,
                "instances.decisions: must be between 1 and 1000000",
            ),
            (
                "\n[limits]\nmemory = \"hunter2\"\nfoo = 1\n",
                3,
                "limits.memory: expected a size such as `16MiB`; line 4: limits.foo: unknown key",
            ),
        ] {
            let Err(error) = read(text) else {
                panic!("accepted: {text}");
            };
            assert_eq!(error.line(), Some(line), "{error}");
            let shown = error.problem().to_string();
            assert!(shown.contains(message), "{shown}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn settings_are_passed_on_unchanged() {
        let text = "[settings]\nn = 0x10\nf = 1.5\nt = 2026-01-02T03:04:05Z\nl = [{ a = 'b' }]\n";
        let file = read(text).unwrap_or_else(|error| panic!("{error}"));
        let json = Value::Object(file.settings).to_string();
        assert_eq!(
            json,
            r#"{"f":1.5,"l":[{"a":"b"}],"n":16,"t":"2026-01-02T03:04:05Z"}"#
        );
        for (number, problem) in [
            (
                "18446744073709551616",
                "settings.a.n[1]: a number of more than 64 bits: write it as a text",
            ),
            (
                "nan",
                "settings.a.n[1]: `nan` and `inf` are no numbers of JSON: write a number, or leave the key out",
            ),
        ] {
            let error = read(&format!("[settings]\n[settings.a]\nn = [1, {number}]\n")).err();
            let error = error.unwrap();
            assert_eq!(error.line(), Some(3), "{error}");
            assert_eq!(error.problem().to_string(), problem);
        }
    }

    #[test]
    fn every_limit_that_is_wrong_is_reported_at_once() {
        let settings = "[limits]\nmemory = \"257MiB\"\ncomparisons = 65\nlog-lines = 257\ntables = -1\n\
                        subject = 1\n[instances]\ndecisions = 2\n";
        let raise = |key: &str| {
            format!(
                "that portcullis.toml allows: lower it, or raise `{key}` there, under [policies.max-limits] for all policies \
                 or under [policies.grants.p.max-limits] for this one"
            )
        };
        let expected = [
            "limits.memory: limit `memory` is 257MiB, the host's bound is 256MiB; lower it under [limits] in its settings file"
                .to_owned(),
            format!("line 3: limits.comparisons: 65 is more than the 64 {}", raise("comparisons")),
            format!("line 4: limits.log-lines: 257 is more than the 256 {}", raise("log-lines")),
            "line 5: limits.tables: expected a whole number that is not negative, found a negative number".to_owned(),
            "line 6: limits.subject: unknown key, did you mean `subjects`?".to_owned(),
            format!(
                "line 8: instances.decisions: 2 is more than the 1 {}",
                raise("decisions-per-instance")
            ),
        ];
        let error = read(settings).err().unwrap();
        assert_eq!(error.problem().to_string(), expected.join("; "));
        assert_eq!(error.line(), Some(2));
    }
}
