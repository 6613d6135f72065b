//! One policy as its author ships it: a module and its settings file.

use std::io;
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use portcullis_core::PolicyName;
use portcullis_engine::{Engine, Grants, Limits, LoadError, Policy, Source};

use crate::catalog::CatalogOptions;
use crate::directory::{Content, Paths, Unit};
use crate::signature::{self, SignatureError};
use crate::vectors::{self, TestOutcome, TestVectors};

/// Why a unit is not put in service: which file, where in it, and what is wrong.
#[derive(Debug, thiserror::Error)]
#[error("`{}`{}: {problem}", file.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct UnitError {
    file: PathBuf,
    line: Option<usize>,
    #[source]
    problem: UnitProblem,
}

/// What is wrong with a file. One line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnitProblem {
    /// It is there and cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// A directory, a pipe, a device.
    #[error("not a regular file")]
    NotAFile,
    /// It is larger than the host takes.
    #[error("larger than {limit} bytes; raise `max-module-size` under [policies] if that is meant")]
    TooLarge {
        /// The most, in bytes.
        limit: u64,
    },
    /// A settings file that no policy needs.
    #[error("larger than {limit} bytes, the most a settings file can have")]
    SettingsTooLarge {
        /// The most, in bytes.
        limit: u64,
    },
    /// The settings file is not what it should be.
    #[error("{0}")]
    Settings(String),
    /// The engine refuses the module or its settings.
    #[error("{0}")]
    Load(#[source] LoadError),
    /// Nobody who is trusted vouches for the module.
    #[error("{0}")]
    Signature(#[source] SignatureError),
    /// A test file that is larger than any should be.
    #[error("larger than {limit} bytes, the most a test file can have")]
    TestsTooLarge {
        /// The most, in bytes.
        limit: u64,
    },
    /// The test file is not what it should be.
    #[error("{0}")]
    Tests(String),
    /// The policy does not do what its tests say.
    #[error("{failures}")]
    TestsFailed {
        /// The first failures, joined.
        failures: String,
        /// Whether all of them were for want of time.
        transient: bool,
    },
}

/// `NAME.toml`, read.
struct SettingsFile {
    /// For `configure`, untouched.
    settings: toml::Table,
    limits: Limits,
    grants: Grants,
}

impl UnitError {
    /// Whether the same content may do better another time: the machine was at fault, not the file.
    pub(crate) const fn is_transient(&self) -> bool {
        match &self.problem {
            UnitProblem::Unreadable(_) => true,
            UnitProblem::Load(error) => error.is_transient(),
            UnitProblem::TestsFailed { transient, .. } => *transient,
            _ => false,
        }
    }

    pub(crate) fn new(file: &Path, problem: UnitProblem) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            problem,
        }
    }

    /// The same, found in `line`.
    pub(crate) fn at_line(self, line: Option<usize>) -> Self {
        Self { line, ..self }
    }

    /// The file at fault.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The line at fault, from 1.
    pub const fn line(&self) -> Option<usize> {
        self.line
    }

    /// What is wrong.
    pub const fn problem(&self) -> &UnitProblem {
        &self.problem
    }
}

impl Unit {
    /// Checks, compiles, configures and tests the unit. What it was made from is returned with it.
    pub(crate) fn load(
        self,
        engine: &Engine,
        name: &PolicyName,
        options: &CatalogOptions,
    ) -> Result<(Policy, Content), UnitError> {
        let (paths, content) = (&self.paths, self.content?);
        // Before anything is compiled: what nobody vouches for is not even looked at.
        signature::check(&content.module, &options.trusted_publishers)
            .map_err(|error| UnitError::new(&paths.module, UnitProblem::Signature(error)))?;
        let tests = match &content.tests {
            Some(bytes) => TestVectors::parse(&paths.tests, bytes)?,
            None => TestVectors::default(),
        };
        let policy = configure(engine, name, paths, &content, options.limits)?;
        match vectors::refusal(&paths.tests, &tests.run(&policy)) {
            Some(refusal) => Err(refusal),
            None => Ok((policy, content)),
        }
    }

    /// Runs the unit's tests without putting it in service.
    pub(crate) fn test(
        self,
        engine: &Engine,
        name: &PolicyName,
        options: &CatalogOptions,
    ) -> Result<Vec<TestOutcome>, UnitError> {
        let (paths, content) = (&self.paths, self.content?);
        let tests = match &content.tests {
            Some(bytes) => TestVectors::parse(&paths.tests, bytes)?,
            None => TestVectors::default(),
        };
        let policy = configure(engine, name, paths, &content, options.limits)?;
        Ok(tests.run(&policy))
    }
}

/// Compiles and configures a unit; `defaults` are the limits it does not set itself.
fn configure(
    engine: &Engine,
    name: &PolicyName,
    paths: &Paths,
    content: &Content,
    defaults: Limits,
) -> Result<Policy, UnitError> {
    let file = settings_file(&paths.settings, content.settings.as_deref(), defaults)?;
    let settings = json_of(toml::Value::Table(file.settings)).to_string();
    let source = Source {
        name,
        module: &content.module,
        settings: &settings,
    };
    Policy::load(engine, source, file.limits, file.grants).map_err(|source| {
        // Settings are refused by the module but written in the other file.
        let at_fault = matches!(
            source,
            LoadError::Settings(_) | LoadError::MissingGrant(_) | LoadError::Limit { .. }
        );
        let file = if at_fault {
            &paths.settings
        } else {
            &paths.module
        };
        UnitError::new(file, UnitProblem::Load(source))
    })
}

fn settings_file(
    file: &Path,
    bytes: Option<&[u8]>,
    defaults: Limits,
) -> Result<SettingsFile, UnitError> {
    // Without a file: as with an empty one.
    let bytes = bytes.unwrap_or_default();
    let wrong = |line, message: &str| {
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        UnitError {
            file: file.to_owned(),
            line,
            problem: UnitProblem::Settings(message),
        }
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

/// Reads the tables of a settings file and notes everything that is wrong. Values are never repeated: a password
/// may stand where it does not belong.
#[derive(Default)]
struct Reader {
    problems: Vec<String>,
}

impl Reader {
    fn file(&mut self, mut table: toml::Table, defaults: Limits) -> SettingsFile {
        let settings = self.table(&mut table, "settings");
        let limits = self.table(&mut table, "limits");
        let grants = self.table(&mut table, "grants");
        self.unknown(&table, "", &["settings", "limits", "grants"]);
        SettingsFile {
            settings,
            limits: self.limits(limits, defaults),
            grants: self.grants(grants),
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
        self.unknown(&table, "grants.", &["secrets"]);
        Grants {
            secrets: secrets.unwrap_or(false),
        }
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
