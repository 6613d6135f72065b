//! Answers of the commands: text for people, or JSON.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use portcullis_accounts::{Findings, Store, StoreError};
use portcullis_files::SystemDisk;
use portcullis_toml::text::one_line;
use serde_json::{Value, json};

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{Output, render_json};

/// The arguments of every command that uses the store.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct StoreArguments {
    /// The directory of the store.
    #[arg(long, env = "PORTCULLIS_STORE", value_name = "DIR")]
    pub(super) store: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// An answer in both forms.
#[derive(Debug)]
pub(crate) struct Report {
    json: Value,
    text: String,
    code: ExitCode,
}

impl StoreArguments {
    /// Returns the store, which the command reads and writes.
    pub(super) fn open(&self) -> Store {
        Store::at(Arc::new(SystemDisk), &self.store)
    }

    /// Returns the output of a command in the wanted form.
    pub(super) fn finish(&self, report: Result<Report, StoreError>) -> Result<Output, Failure> {
        report
            .map_err(failure)
            .and_then(|report| report.output(self.json))
    }
}

impl Report {
    /// Returns an answer of one line with its JSON.
    pub(super) fn new(text: impl Into<String>, json: Value) -> Self {
        Self {
            json,
            text: text.into(),
            code: ExitCode::Success,
        }
    }

    /// Returns the answer of a write: a line, and the doubts about what was written.
    pub(super) fn written(
        line: &str,
        kind: &str,
        name: &str,
        key: &str,
        doubts: &Findings,
    ) -> Self {
        let mut text = format!("{line}\n");
        for finding in doubts.iter() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{}", one_line(&finding.to_string()));
        }
        let json = json!({ "kind": kind, "name": name, "key": key, "findings": doubts });
        Self::new(text, json)
    }

    /// Sets the exit code of the command.
    pub(super) const fn with_code(mut self, code: ExitCode) -> Self {
        self.code = code;
        self
    }

    /// Joins reports to one: the lines of all, an array of the objects, and the first exit code
    /// other than that of success.
    pub(super) fn joined(reports: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::new("", Value::Null);
        let mut values = Vec::new();
        for report in reports {
            all.text.push_str(&report.text);
            values.push(report.json);
            if all.code == ExitCode::Success {
                all.code = report.code;
            }
        }
        if values.is_empty() {
            all.text.push_str("no accounts\n");
        }
        Self {
            json: Value::Array(values),
            ..all
        }
    }

    /// Adds a line, and a field of the JSON object.
    pub(super) fn and(mut self, line: &str, field: &str, value: Value) -> Self {
        self.text.push_str(line);
        self.text.push('\n');
        if let Value::Object(fields) = &mut self.json {
            fields.insert(field.to_owned(), value);
        }
        self
    }

    /// Returns the output in the wanted form.
    pub(super) fn output(self, json: bool) -> Result<Output, Failure> {
        let text = if json {
            render_json(&self.json)?
        } else {
            self.text
        };
        Ok(Output {
            text,
            code: self.code,
        })
    }
}

/// Returns a failure of the store with its exit code.
pub(crate) fn failure(error: StoreError) -> Failure {
    let code = match &error {
        StoreError::NoStore(_)
        | StoreError::OfNsc(_)
        | StoreError::Unknown { .. }
        | StoreError::NoSigningKey
        | StoreError::NoSeed { .. } => ExitCode::NotFound,
        StoreError::StoreExists(_)
        | StoreError::HasAccounts(_)
        | StoreError::SystemAccount(_)
        | StoreError::Taken { .. }
        | StoreError::Write { .. }
        | StoreError::Locked(_) => ExitCode::CannotCreate,
        StoreError::Changed(_) | StoreError::Older { .. } | StoreError::Deleted { .. } => {
            ExitCode::NotCurrent
        }
        StoreError::Key(_) | StoreError::Sign(_) => ExitCode::Internal,
        _ => ExitCode::BadConfiguration,
    };
    Failure::new(code, error)
}

/// Returns the exit code of a list, which shows damaged entries too.
pub(super) fn code_of_list(entries: &[Value]) -> ExitCode {
    if entries.iter().any(|entry| entry.get("error").is_some()) {
        ExitCode::BadConfiguration
    } else {
        ExitCode::Success
    }
}

/// Returns a failure of an argument that names something which does not exist.
pub(super) fn absent(message: impl Into<String>) -> Failure {
    Failure::new(ExitCode::NotFound, anyhow::Error::msg(message.into()))
}

/// Returns a failure of an argument.
pub(super) fn wrong(message: impl Into<String>) -> Failure {
    Failure::new(ExitCode::Usage, anyhow::Error::msg(message.into()))
}

/// Returns the time, in seconds since the Unix epoch.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
