//! `NAME.toml`: settings, limits, grants.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::Path;

use bytesize::ByteSize;
use portcullis_core::BucketName;
use portcullis_engine::{Grants, Limits};

use crate::unit::{UnitError, UnitProblem};

/// The most decisions that one instance may make.
const MOST_DECISIONS: u32 = 1_000_000;

/// `NAME.toml`, read.
pub(crate) struct SettingsFile {
    /// For `configure`, untouched.
    pub(crate) settings: toml::Table,
    pub(crate) limits: Limits,
    pub(crate) grants: Grants,
    /// How many decisions an instance makes, if more than one.
    pub(crate) decisions_per_instance: Option<NonZeroU32>,
}

impl SettingsFile {
    /// Reads the settings file of a policy; `defaults` are the limits it does not set itself.
    pub(crate) fn read(
        file: &Path,
        bytes: Option<&[u8]>,
        defaults: Limits,
    ) -> Result<Self, UnitError> {
        // Without a file: as with an empty one.
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
        let mut reader = Reader::default();
        let read = reader.file(table, defaults);
        if reader.problems.is_empty() {
            Ok(read)
        } else {
            Err(wrong(None, &reader.problems.join("; ")))
        }
    }
}

/// Reads the tables of a settings file and notes everything that is wrong. Values are never repeated, but for the
/// names of buckets: a password may stand where it does not belong.
#[derive(Default)]
struct Reader {
    problems: Vec<String>,
}

impl Reader {
    fn file(&mut self, mut table: toml::Table, defaults: Limits) -> SettingsFile {
        let settings = self.table(&mut table, "settings");
        let limits = self.table(&mut table, "limits");
        let grants = self.table(&mut table, "grants");
        let instances = self.table(&mut table, "instances");
        self.unknown(&table, "", &["settings", "limits", "grants", "instances"]);
        SettingsFile {
            settings,
            limits: self.limits(limits, defaults),
            grants: self.grants(grants),
            decisions_per_instance: self.instances(instances),
        }
    }

    fn limits(&mut self, mut table: toml::Table, defaults: Limits) -> Limits {
        let mut limits = defaults;
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
        ];
        for (key, limit) in counts {
            let read = |value: &toml::Value| usize::try_from(value.as_integer()?).ok();
            let expected = "a whole number, not negative";
            if let Some(count) = self.value(&mut table, "limits", key, expected, read) {
                *limit = count;
            }
        }
        let known = defaults.each().map(|limit| limit.name);
        self.unknown(&table, "limits.", &known);
        limits
    }

    fn grants(&mut self, mut table: toml::Table) -> Grants {
        let read = toml::Value::as_bool;
        let secrets = self.value(&mut table, "grants", "secrets", "true or false", read);
        let key_values = self.buckets(&mut table);
        self.unknown(&table, "grants.", &["secrets", "key-value"]);
        Grants {
            secrets: secrets.unwrap_or(false),
            key_values,
        }
    }

    /// The buckets that are granted.
    fn buckets(&mut self, table: &mut toml::Table) -> BTreeSet<BucketName> {
        let read = |value: &toml::Value| {
            let names = value.as_array()?.iter();
            let names = names.map(|name| Some(name.as_str()?.to_owned()));
            names.collect::<Option<Vec<_>>>()
        };
        let expected = r#"names of key-value buckets such as `["revoked"]`"#;
        let names = self.value(table, "grants", "key-value", expected, read);
        let mut buckets = BTreeSet::new();
        for name in names.unwrap_or_default() {
            match name.parse::<BucketName>() {
                Ok(bucket) => {
                    buckets.insert(bucket);
                }
                Err(error) => self.problems.push(format!("grants.key-value: {error}")),
            }
        }
        buckets
    }

    fn instances(&mut self, mut table: toml::Table) -> Option<NonZeroU32> {
        let read = |value: &toml::Value| {
            let decisions = u32::try_from(value.as_integer()?).ok()?;
            NonZeroU32::new(decisions).filter(|decisions| decisions.get() <= MOST_DECISIONS)
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

    /// What nobody asked for.
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

/// TOML as JSON; dates become strings.
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
