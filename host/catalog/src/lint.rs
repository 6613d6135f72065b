//! Lints: permissions that a server accepts and that seldom mean what their author means.
//!
//! A lint decides from the settings of a policy, whose lists have the keys of
//! `portcullis_sdk::profile`, and from what the permits of its passing tests contain. It rejects
//! nothing: the host logs what it finds when it loads a version.

mod kind;
mod lists;
mod rules;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_core::Permissions;
use portcullis_engine::Engine;

use crate::content::Content;
use crate::lines::line_of_refusal;
use crate::options::CatalogOptions;
use crate::paths::Paths;
use crate::policy_tests::TestOutcome;
use crate::prover::prove;
use crate::single::SinglePolicy;
use crate::unit_error::UnitError;
use lists::{Entry, Lists, Settings};

pub use kind::Lint;

/// Maximum size of settings that are looked at, in bytes. Larger ones are lists of users.
const MAX_SETTINGS: usize = 1 << 20;

/// A doubtful permission, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind of the finding.
    pub lint: Lint,
    /// The file with the permission, or with the test whose permit has it.
    pub file: PathBuf,
    /// The line in the file, counted from 1.
    pub line: Option<usize>,
    /// What is doubtful, in one line.
    pub message: String,
}

/// The result of linting one policy.
#[derive(Debug)]
pub struct Linted {
    /// The findings, those of the settings first.
    pub findings: Vec<Finding>,
    /// The reason why the policy's tests did not run. The findings are those of its settings then.
    pub error: Option<UnitError>,
}

impl Finding {
    /// Returns the finding for a line in the log of a policy's `configure`, if the SDK has written
    /// it there about a setting that the policy does not read. `file` is the settings file, with
    /// `text`.
    pub fn of_log_line(file: &Path, text: &str, line: &str) -> Option<Self> {
        let is_unread = line.ends_with(": the policy does not read this setting");
        is_unread.then(|| Self {
            lint: Lint::UnusedSetting,
            file: file.to_owned(),
            line: line_of_refusal(text, line),
            message: line.to_owned(),
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lint,
            file,
            line,
            message,
        } = self;
        write!(formatter, "`{}`", file.display())?;
        if let Some(line) = line {
            write!(formatter, ", line {line}")?;
        }
        write!(formatter, ": {}: {message}; {}", lint.code(), lint.cure())
    }
}

/// Lints a module and the files next to it, without serving it. Blocks.
///
/// # Errors
///
/// Fails if the files cannot be read, or if the module is not WebAssembly.
pub fn lint_module(
    engine: &Engine,
    options: &CatalogOptions,
    module: &Path,
) -> Result<Linted, UnitError> {
    let policy = SinglePolicy::read(module, options)?;
    let task = policy.task(&Arc::new(options.clone()));
    let (outcomes, error) = match prove(engine, task) {
        Ok(proved) => (proved.outcomes, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    Ok(Linted {
        findings: findings(&policy.paths, &policy.content, &outcomes),
        error,
    })
}

/// Lints the text of a settings file.
pub fn lint_settings(file: &Path, text: &str) -> Vec<Finding> {
    let settings = Settings::parse(text);
    let all = settings.together();
    let mut findings = Vec::new();
    let mut record = |lint, entry: &Entry, message| {
        findings.push(found(file, lint, entry.line, message));
    };
    for profile in &settings.profiles {
        rules::check_subjects(profile, &mut record);
        rules::check_lists(profile, &all, &mut record);
    }
    let accounts = settings.accounts.iter();
    for account in accounts.filter(|entry| rules::leads_with_place(&entry.text)) {
        let message = format!("the account `{}` is any that a login names", account.text);
        record(Lint::LeadingPlace, account, message);
    }
    findings.sort_by_key(|finding| finding.line);
    findings
}

/// Lints a version whose tests ran.
pub(crate) fn findings(paths: &Paths, content: &Content, outcomes: &[TestOutcome]) -> Vec<Finding> {
    let settings = content.settings.as_deref().unwrap_or_default();
    let settings = Some(settings).filter(|bytes| bytes.len() <= MAX_SETTINGS);
    let text = settings.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let mut findings = lint_settings(&paths.settings, text.unwrap_or_default());
    for outcome in outcomes {
        let Some(login) = &outcome.permitted else {
            continue;
        };
        for finding in of_permit(&paths.tests, outcome, login.permit.permissions()) {
            // One subject may be in the settings and in many permits.
            let is_known = |other: &Finding| {
                other.lint == finding.lint
                    && (other.message == finding.message || other.file == paths.settings)
            };
            if !findings.iter().any(is_known) {
                findings.push(finding);
            }
        }
    }
    findings
}

fn of_permit(file: &Path, outcome: &TestOutcome, permissions: &Permissions) -> Vec<Finding> {
    let lists = Lists::of_permissions(permissions);
    let mut findings = Vec::new();
    let mut record = |lint, _: &Entry, message| {
        findings.push(found(file, lint, Some(outcome.line), message));
    };
    rules::check_subjects(&lists, &mut record);
    rules::check_lists(&lists, &lists, &mut record);
    findings
}

fn found(file: &Path, lint: Lint, number: Option<usize>, message: String) -> Finding {
    Finding {
        lint,
        file: file.to_owned(),
        line: number,
        message,
    }
}

#[cfg(test)]
mod tests;
