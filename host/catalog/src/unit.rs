//! One policy as its author ships it: a module and its settings file.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use portcullis_core::PolicyName;
use portcullis_engine::{Engine, Grants, Limits, LoadError, Policy, Source};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::directory::Unit;

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
    /// It is larger than the host takes.
    #[error("larger than {limit} bytes; raise `max-module-size` under [policies] if that is meant")]
    TooLarge {
        /// The most, in bytes.
        limit: u64,
    },
    /// The settings file is not what it should be.
    #[error("{0}")]
    Settings(String),
    /// The engine refuses the module or its settings.
    #[error("{0}")]
    Load(#[source] LoadError),
}

/// `NAME.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SettingsFile {
    /// For `configure`, untouched.
    #[serde(default)]
    settings: toml::Table,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    grants: GrantsTable,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LimitsTable {
    #[serde(default, deserialize_with = "duration")]
    deadline: Option<Duration>,
    #[serde(default, deserialize_with = "size")]
    memory: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct GrantsTable {
    #[serde(default)]
    secrets: bool,
}

impl UnitError {
    pub(crate) fn new(file: &Path, problem: UnitProblem) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            problem,
        }
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
    /// Compiles and configures the unit; `defaults` are the limits it does not set itself.
    pub(crate) fn load(
        self,
        engine: &Engine,
        name: &PolicyName,
        defaults: Limits,
    ) -> Result<Policy, UnitError> {
        let content = self.content?;
        let file = settings_file(&self.settings, content.settings.as_deref())?;
        let limits = Limits {
            deadline: file.limits.deadline.unwrap_or(defaults.deadline),
            memory: file.limits.memory.unwrap_or(defaults.memory),
        };
        let grants = Grants {
            secrets: file.grants.secrets,
        };
        let settings = json_of(toml::Value::Table(file.settings)).to_string();
        let source = Source {
            name,
            module: &content.module,
            settings: &settings,
        };
        Policy::load(engine, source, limits, grants).map_err(|source| {
            // Settings are refused by the module but written in the other file.
            let at_fault = matches!(
                source,
                LoadError::Settings(_) | LoadError::MissingGrant(_) | LoadError::MemoryLimit { .. }
            );
            let file = if at_fault { self.settings } else { self.module };
            UnitError {
                file,
                line: None,
                problem: UnitProblem::Load(source),
            }
        })
    }
}

fn settings_file(file: &Path, bytes: Option<&[u8]>) -> Result<SettingsFile, UnitError> {
    let Some(bytes) = bytes else {
        return Ok(SettingsFile::default());
    };
    let wrong = |line, message: &str| {
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        UnitError {
            file: file.to_owned(),
            line,
            problem: UnitProblem::Settings(message),
        }
    };
    let text = std::str::from_utf8(bytes).map_err(|_| wrong(None, "it is not UTF-8 text"))?;
    toml::from_str(text).map_err(|error| {
        let line = error.span().and_then(|span| {
            text.get(..span.start)
                .map(|before| before.matches('\n').count().saturating_add(1))
        });
        wrong(line, error.message())
    })
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match humantime::parse_duration(&text) {
        Ok(duration) if !duration.is_zero() => Ok(Some(duration)),
        _ => Err(D::Error::custom(format!(
            "invalid duration `{text}`: write `50ms` or `1s`"
        ))),
    }
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse::<ByteSize>()
        .ok()
        .and_then(|size| usize::try_from(size.as_u64()).ok())
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("invalid size `{text}`: write `16MiB` or `64KiB`")))
}

/// TOML as JSON; dates become strings.
fn json_of(value: toml::Value) -> serde_json::Value {
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
