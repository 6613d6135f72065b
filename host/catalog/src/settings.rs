//! The settings file of a policy, `NAME.toml`: settings and limits.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::path::Path;

use bytesize::ByteSize;
use portcullis_core::{BucketName, PolicyName};
use portcullis_engine::{Limits, LoadError};

use crate::terms::{MaxLimits, Terms};
use crate::unit_error::{UnitError, UnitProblem};

/// The content of `NAME.toml`.
pub(crate) struct SettingsFile {
    /// Table for the policy's `configure`, unchanged.
    pub(crate) settings: toml::Table,
    pub(crate) limits: Limits,
    /// Number of decisions that an instance makes. `None` if the file sets none, or one.
    pub(crate) decisions_per_instance: Option<NonZeroU32>,
}

impl SettingsFile {
    /// Reads the settings file of the policy `name` and checks it against `terms`.
    pub(crate) fn read(
        file: &Path,
        bytes: Option<&[u8]>,
        name: &PolicyName,
        terms: &Terms,
    ) -> Result<Self, UnitError> {
        // A missing file counts as an empty one.
        let bytes = bytes.unwrap_or_default();
        let wrong = |line, message: &str| {
            let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
            UnitError::new(file, UnitProblem::Settings(message)).at_line(line)
        };
        let text = std::str::from_utf8(bytes).map_err(|_| wrong(None, "it is not UTF-8 text"))?;
        let table: toml::Table = toml::from_str(text).map_err(|error| {
            let line = error.span().and_then(|span| {
                text.get(..span.start)
                    .map(|before| before.matches('\n').count().saturating_add(1))
            });
            wrong(line, error.message())
        })?;
        let mut reader = Reader {
            name,
            terms,
            problems: Vec::new(),
        };
        let read = reader.file(table);
        if reader.problems.is_empty() {
            Ok(read)
        } else {
            Err(wrong(None, &reader.problems.join("; ")))
        }
    }
}

/// Reader of the tables of a settings file, which collects all problems. A problem repeats no
/// values except names of buckets, because a password may stand in the wrong place.
struct Reader<'a> {
    name: &'a PolicyName,
    terms: &'a Terms,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn file(&mut self, mut table: toml::Table) -> SettingsFile {
        let settings = self.table(&mut table, "settings");
        let limits = self.table(&mut table, "limits");
        let instances = self.table(&mut table, "instances");
        if table.contains_key("grants") {
            let grants = self.table(&mut table, "grants");
            self.moved_grants(&grants);
        }
        self.unknown(&table, "", &["settings", "limits", "instances"]);
        let limits = self.limits(limits);
        let decisions_per_instance = self.instances(instances);
        self.hold_to_max(&limits, decisions_per_instance);
        SettingsFile {
            settings,
            limits,
            decisions_per_instance,
        }
    }

    fn limits(&mut self, mut table: toml::Table) -> Limits {
        let mut limits = self.terms.limits;
        let read = |value: &toml::Value| {
            humantime::parse_duration(value.as_str()?)
                .ok()
                .filter(|duration| !duration.is_zero())
        };
        let expected = "a duration such as `50ms`";
        if let Some(time) = self.value(&mut table, "limits", "deadline", expected, read) {
            limits.deadline = time;
        }
        let sizes = [
            ("memory", "a size such as `16MiB`", &mut limits.memory),
            (
                "host-call-bytes",
                "a size such as `1MiB`",
                &mut limits.host_call_bytes,
            ),
            (
                "log-line-bytes",
                "a size such as `1KiB`",
                &mut limits.log_line_bytes,
            ),
            (
                "reason-bytes",
                "a size such as `1KiB`",
                &mut limits.reason_bytes,
            ),
        ];
        for (key, expected, limit) in sizes {
            let read = |value: &toml::Value| {
                usize::try_from(value.as_str()?.parse::<ByteSize>().ok()?.as_u64()).ok()
            };
            if let Some(size) = self.value(&mut table, "limits", key, expected, read) {
                *limit = size;
            }
        }
        let counts = [
            ("tables", &mut limits.tables),
            ("log-lines", &mut limits.log_lines),
            ("subjects", &mut limits.subjects),
            ("comparisons", &mut limits.comparisons),
        ];
        for (key, limit) in counts {
            let read = |value: &toml::Value| usize::try_from(value.as_integer()?).ok();
            let expected = "a whole number, not negative";
            if let Some(count) = self.value(&mut table, "limits", key, expected, read) {
                *limit = count;
            }
        }
        let known = self.terms.limits.each().map(|limit| limit.name);
        self.unknown(&table, "limits.", &known);
        limits
    }

    /// Rejects the table `grants`, which older hosts read, and quotes its replacement.
    fn moved_grants(&mut self, table: &toml::Table) {
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
        let header = format!("`[policies.grants.{}]`", self.name);
        let lines: Vec<_> = std::iter::once(header).chain(lines).collect();
        self.problems.push(format!(
            "grants: only portcullis.toml grants; remove this table and write there: {}",
            lines.join(", ")
        ));
    }

    /// Rejects each value above the host's own bound, and each above the operator's maximum.
    fn hold_to_max(&mut self, limits: &Limits, decisions: Option<NonZeroU32>) {
        let max = self.terms.max_limits;
        let beyond_bound: Vec<_> = limits.beyond(&Limits::MAX).collect();
        for (asked, most) in limits.beyond(&max.limits) {
            // The operator cannot raise the host's own bound.
            if beyond_bound.iter().all(|(other, _)| *other != asked) {
                let key = format!("limits.{}", asked.name);
                self.beyond_max(&key, &asked.amount, &most, asked.name);
            }
        }
        for (asked, most) in beyond_bound {
            let error = LoadError::Limit { asked, most };
            self.problems.push(error.to_string());
        }
        let most = max.decisions_per_instance;
        if let Some(decisions) = decisions.filter(|decisions| *decisions > most) {
            let raise = "decisions-per-instance";
            self.beyond_max("instances.decisions", &decisions, &most, raise);
        }
    }

    /// Reports a value that the operator can allow by raising `raise`.
    fn beyond_max(&mut self, key: &str, asked: &dyn Display, most: &dyn Display, raise: &str) {
        self.problems.push(format!(
            "{key}: {asked} is more than the {most} that portcullis.toml allows: lower it, or raise `{raise}` there, under \
             [policies.max-limits] for all policies or under [policies.grants.{}.max-limits] for this one",
            self.name
        ));
    }

    fn instances(&mut self, mut table: toml::Table) -> Option<NonZeroU32> {
        let read = |value: &toml::Value| {
            let decisions = u32::try_from(value.as_integer()?).ok()?;
            NonZeroU32::new(decisions)
                .filter(|decisions| decisions.get() <= MaxLimits::MAX_DECISIONS)
        };
        let expected = "a whole number from 1 to 1000000";
        let decisions = self.value(&mut table, "instances", "decisions", expected, read);
        self.unknown(&table, "instances.", &["decisions"]);
        decisions.filter(|decisions| decisions.get() > 1)
    }

    fn table(&mut self, parent: &mut toml::Table, key: &str) -> toml::Table {
        match parent.remove(key) {
            Some(toml::Value::Table(table)) => table,
            None => toml::Table::new(),
            Some(_) => {
                self.problems.push(format!("{key}: expected a table"));
                toml::Table::new()
            }
        }
    }

    fn value<T>(
        &mut self,
        table: &mut toml::Table,
        section: &str,
        key: &str,
        expected: &str,
        read: impl FnOnce(&toml::Value) -> Option<T>,
    ) -> Option<T> {
        let value = table.remove(key)?;
        let read = read(&value);
        if read.is_none() {
            self.problems
                .push(format!("{section}.{key}: expected {expected}"));
        }
        read
    }

    /// Rejects the keys of `table` that are not in `known`.
    fn unknown(&mut self, table: &toml::Table, prefix: &str, known: &[&str]) {
        for key in table.keys() {
            let alike = known
                .iter()
                .find(|name| strsim::jaro_winkler(name, key) > 0.8);
            let hint = alike
                .map(|name| format!(", did you mean `{name}`?"))
                .unwrap_or_default();
            self.problems
                .push(format!("{prefix}{key}: unknown key{hint}"));
        }
    }
}

/// Converts TOML to JSON. Dates become strings.
pub(crate) fn json_of(value: toml::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    use toml::Value as Toml;
    match value {
        Toml::String(text) => Json::String(text),
        Toml::Integer(number) => number.into(),
        Toml::Float(number) => number.into(),
        Toml::Boolean(flag) => flag.into(),
        Toml::Datetime(time) => Json::String(time.to_string()),
        Toml::Array(items) => items.into_iter().map(json_of).collect(),
        Toml::Table(table) => table
            .into_iter()
            .map(|(key, value)| (key, json_of(value)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::CatalogOptions;

    /// Returns the error of a settings file of the policy `p`, under the default terms.
    fn refusal(settings: &str) -> String {
        let name = "p".parse().unwrap();
        let terms = CatalogOptions::new(".").terms(&name);
        let file = SettingsFile::read(
            Path::new("p.toml"),
            Some(settings.as_bytes()),
            &name,
            &terms,
        );
        file.err().unwrap().problem().to_string()
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
            "limits.tables: expected a whole number, not negative".to_owned(),
            "limits.subject: unknown key, did you mean `subjects`?".to_owned(),
            format!("limits.log-lines: 257 is more than the 256 {}", raise("log-lines")),
            format!("limits.comparisons: 65 is more than the 64 {}", raise("comparisons")),
            "limit `memory` is 257MiB, the host's bound is 256MiB; lower it under [limits] in its settings file".to_owned(),
            format!("instances.decisions: 2 is more than the 1 {}", raise("decisions-per-instance")),
        ];
        assert_eq!(refusal(settings), expected.join("; "));
    }
}
