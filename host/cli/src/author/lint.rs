//! `portcullis policy lint`: reports permissions that seldom mean what their author means.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_catalog::{Finding, Prover, lint_module, lint_settings};
use portcullis_engine::Engine;
use portcullis_toml::text::one_line;
use serde_json::json;

use super::crate_build::{self, is_crate};
use super::options;
use super::policy_log::PolicyLog;
use super::test::missing;
use crate::check::idle_engine;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{Output, render_json};

/// The results for all policies.
#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
    /// Reasons why tests did not run.
    errors: Vec<String>,
}

/// Lints modules, crates, directories of policies and settings files; the crate in the present
/// folder if `which` is empty. `prover` loads the policies, to learn what their tests permit.
///
/// # Errors
///
/// Fails if a path does not exist, if a crate does not compile or if a module cannot be read.
pub(crate) fn lint(which: &[PathBuf], json: bool, prover: &Prover) -> Result<Output, Failure> {
    let here = [PathBuf::from(".")];
    let which = if which.is_empty() { &here } else { which };
    let engine = idle_engine(None)?;
    let log = PolicyLog::start().map_err(Failure::internal)?;
    let mut report = Report::default();
    for path in which {
        let modules = if is_crate(path) {
            vec![crate_build::build(path, crate_build::PROFILE)?.module]
        } else if path.is_dir() {
            modules(path)?
        } else if !path.is_file() {
            return Err(missing(path, "does not exist"));
        } else if path.extension().is_some_and(|end| end == "toml") {
            report.findings.extend(lint_settings(path, &read(path)?));
            continue;
        } else {
            vec![path.clone()]
        };
        for module in modules {
            report.add(&engine, prover, &log, &module)?;
        }
    }
    let code = if report.findings.is_empty() && report.errors.is_empty() {
        ExitCode::Success
    } else {
        ExitCode::BadPolicies
    };
    let text = if json { report.json()? } else { report.text() };
    Ok(Output { text, code })
}

/// Returns the modules in a directory of policies.
fn modules(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| unreadable(directory, error))?;
    let paths = entries.iter().map(fs::DirEntry::path);
    let mut modules: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "wasm"))
        .collect();
    modules.sort();
    if modules.is_empty() {
        return Err(missing(
            directory,
            "has neither a Cargo.toml nor a NAME.wasm",
        ));
    }
    Ok(modules)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    let context = format!("cannot read `{}`", path.display());
    let error = anyhow::Error::new(error).context(context);
    Failure::new(ExitCode::NotFound, error)
}

impl Report {
    fn add(
        &mut self,
        engine: &Engine,
        prover: &Prover,
        log: &PolicyLog,
        module: &Path,
    ) -> Result<(), Failure> {
        let options = options(Path::new("."), prover);
        let linted = lint_module(engine, &options, module)
            .map_err(|error| Failure::new(ExitCode::BadPolicies, error))?;
        self.findings.extend(linted.findings);
        self.errors
            .extend(linted.error.map(|error| error.to_string()));
        let settings = module.with_extension("toml");
        let text = fs::read_to_string(&settings).unwrap_or_default();
        let log = log.take();
        let unread = log.iter();
        let mut unread: Vec<_> = unread
            .filter_map(|line| Finding::of_log_line(&settings, &text, line))
            .collect();
        unread.sort_by_key(|finding| finding.line);
        self.findings.extend(unread);
        Ok(())
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{}", one_line(&finding.to_string()));
        }
        for error in &self.errors {
            let _ = writeln!(
                text,
                "only the settings were looked at: {}",
                one_line(error)
            );
        }
        let _ = writeln!(text, "lint: {} found", self.findings.len());
        text
    }

    fn json(&self) -> Result<String, Failure> {
        let findings = self.findings.iter().map(|finding| {
            json!({
                "code": finding.lint.code(),
                "file": finding.file,
                "line": finding.line,
                "message": finding.message,
                "cure": finding.lint.cure(),
            })
        });
        let findings: Vec<_> = findings.collect();
        let report = json!({ "findings": findings, "errors": self.errors });
        render_json(&report)
    }
}
