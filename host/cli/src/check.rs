//! `portcullis check`: validates everything that can be validated without a connection.

mod hashes;

use std::mem;
use std::path::Path;
use std::sync::Arc;

use portcullis_catalog::{Catalog, Prover, Report, check_releases, check_state_directory};
use portcullis_config::{KeyValue, Log, Policies, PolicyTables, Survey};
use portcullis_core::{PolicyName, SecretVerifier, with_causes};
use portcullis_engine::{Engine, EngineOptions};
use portcullis_identity::PasswordVerifier;
use portcullis_toml::Problem;
use serde_json::{Value, json};

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::key_value::Unconnected;
use crate::telemetry;

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Findings {
    /// All problems, warnings included, in the order of the checks.
    pub(crate) problems: Vec<Problem>,
    /// Exit code of the first check that found an error.
    pub(crate) code: ExitCode,
}

/// Checks configuration, secrets and policy directory, and runs `check_policies` if the directory
/// can be read. Later checks run as far as possible even if earlier ones found problems.
pub(crate) fn run_check(
    file: &Path,
    check_policies: impl FnOnce(&Path, &PolicyTables) -> Vec<Problem>,
) -> Findings {
    let mut findings = Findings {
        problems: Vec::new(),
        code: ExitCode::Success,
    };
    let mut survey = Survey::read(file);
    let log = survey.log.as_ref().and_then(|log| check_log(file, log));
    let problems = mem::take(&mut survey.problems).into_iter().chain(log);
    findings.add(ExitCode::BadConfiguration, problems.collect());
    let deadline = survey
        .callout
        .as_ref()
        .map(|callout| callout.times.deadline);
    let Some(tables) = PolicyTables::of(survey) else {
        return findings;
    };
    if let Some(problem) = check_policy_directory(file, &tables.policies) {
        findings.add(ExitCode::NotFound, vec![problem]);
    } else {
        let problems = check_policies(file, &tables);
        findings.add(ExitCode::BadPolicies, problems);
        if let Some(deadline) = deadline {
            let slow = hashes::slow_hashes(&tables.policies.catalog.directory, deadline);
            findings.add(ExitCode::BadPolicies, slow);
        }
    }
    findings
}

/// Returns the problem of the filter of log lines that only the log itself can find.
pub(crate) fn check_log(file: &Path, log: &Log) -> Option<Problem> {
    let error = telemetry::check_filter(&log.level).err()?;
    Some(Problem::error(file, error.to_string()).at_key("log.level"))
}

/// Returns the problem that prevents reading the policy directory. `None` if it can be read. `file`
/// is the configuration that names it.
pub(crate) fn check_policy_directory(file: &Path, policies: &Policies) -> Option<Problem> {
    let directory = &policies.catalog.directory;
    let error = portcullis_files::list(directory).err()?;
    let message = format!("cannot read `{}`: {error}", directory.display());
    Some(Problem::error(file, message).at_key("policies.directory"))
}

/// Returns the names under `[ceilings.policies]` that no module in the policy directory has.
fn unused_ceilings(tables: &PolicyTables) -> impl Iterator<Item = &PolicyName> {
    let directory = &tables.policies.catalog.directory;
    let ceilings = tables
        .rules
        .iter()
        .flat_map(|rules| rules.ceilings.policies.keys());
    ceilings.filter(|name| !directory.join(format!("{name}.wasm")).exists())
}

/// Loads every policy as the service would, and reports those that it would refuse. `file` is the
/// configuration, `tables` are its valid tables, and `prover` loads and tests the policies. Without
/// `[key-value]`, grants may name any bucket.
pub(crate) fn check_policies(file: &Path, tables: &PolicyTables, prover: &Prover) -> Vec<Problem> {
    let policies = &tables.policies;
    let opened = idle_engine(tables.key_value.as_ref()).and_then(|engine| {
        Catalog::open(engine, tables.options(prover))
            .map_err(|error| Failure::new(ExitCode::NotFound, error))
    });
    let (catalog, report) = match opened {
        Ok(opened) => opened,
        Err(failure) => return vec![Problem::error(file, failure.to_string())],
    };
    let rejected = report.rejections().map(|rejection| {
        let problem = Problem::error(&rejection.file, &rejection.error);
        at_line(problem, rejection.line)
    });
    let asserted = tables.assertions().and_then(|assertions| {
        let error = catalog.check(&assertions).err()?;
        let problem = Problem::error(error.file(), error.problem().to_string());
        Some(at_line(problem, error.line()))
    });
    let doubtful = catalog.findings().into_iter().map(|finding| {
        let (code, cure) = (finding.lint.code(), finding.lint.cure());
        let message = format!("{code}: {}; {cure}", finding.message);
        at_line(Problem::warning(finding.file, message), finding.line)
    });
    rejected
        .chain(asserted)
        .chain(older_versions(file, tables, prover))
        .chain(missing_policies(file, policies, &catalog, &report))
        .chain(useless_files(&report))
        .chain(unused_names(file, tables, &report))
        .chain(doubtful)
        .chain(untested_policies(policies, &catalog))
        .chain(useless_state(file, policies))
        .collect()
}

/// Returns `problem` at `line`, if that is known.
pub(crate) fn at_line(problem: Problem, line: Option<usize>) -> Problem {
    match line {
        Some(line) => problem.at_line(line),
        None => problem,
    }
}

/// Returns an error for each required policy without a good version, or for an empty directory.
fn missing_policies(
    file: &Path,
    policies: &Policies,
    catalog: &Catalog,
    report: &Report,
) -> Vec<Problem> {
    let snapshot = catalog.snapshot();
    let missing = snapshot.missing().map(|name| {
        let message = format!(
            "policy `{name}` is required and has no good version, so no login gets past it"
        );
        let problem = Problem::error(file, message).at_key("policies");
        problem.with_code("policies-missing")
    });
    let is_empty = snapshot.policies().next().is_none() && report.rejections().next().is_none();
    let empty = is_empty.then(|| {
        let directory = policies.catalog.directory.display();
        let message = format!(
            "there is no policy in `{directory}`, so every login is denied: put a NAME.wasm there"
        );
        let problem = Problem::error(file, message).at_key("policies.directory");
        problem.with_code("policies-missing")
    });
    missing.chain(empty).collect()
}

/// Returns a warning for each file of the policy directory that no policy reads, or that every user
/// can change.
fn useless_files(report: &Report) -> impl Iterator<Item = Problem> {
    let orphans = report.orphans.iter().map(|path| {
        let message = "there is no module of this name next to it, so no policy reads it";
        Problem::warning(path, message)
    });
    let exposed = report.exposed.iter().map(|path| {
        let message = "every user of this machine can change the policies: run `chmod o-w` on it";
        Problem::warning(path, message).with_code("policies-exposed")
    });
    orphans.chain(exposed)
}

/// Returns a warning for each grant and ceiling of a policy that is not in the directory.
fn unused_names(
    file: &Path,
    tables: &PolicyTables,
    report: &Report,
) -> impl Iterator<Item = Problem> {
    let grants = report.unused_grants.iter().map(move |name| {
        let message = "no policy of this name is in the policy directory, so this grants nothing";
        Problem::warning(file, message).at_key(format!("policies.grants.{name}"))
    });
    let ceilings = unused_ceilings(tables).map(move |name| {
        let message = "no policy of this name is in the policy directory, so this limits no login";
        Problem::warning(file, message).at_key(format!("ceilings.policies.{name}"))
    });
    grants.chain(ceilings)
}

/// Returns a warning for each policy without tests. Its `decide` ran with made-up logins only.
fn untested_policies(policies: &Policies, catalog: &Catalog) -> Vec<Problem> {
    let snapshot = catalog.snapshot();
    let untested = snapshot.policies().filter_map(|policy| {
        let name = &policy.name;
        let tests = policies
            .catalog
            .directory
            .join(format!("{name}.tests.toml"));
        let message = format!(
            "policy `{name}` has no tests, so its `decide` ran with made-up logins only: describe real ones there"
        );
        (!tests.exists()).then(|| Problem::warning(&tests, message))
    });
    untested.collect()
}

/// Returns a warning if the host cannot use its state directory.
fn useless_state(file: &Path, policies: &Policies) -> Option<Problem> {
    let error = check_state_directory(&policies.state_directory).err()?;
    let directory = policies.state_directory.display();
    let message =
        format!("`{directory}` is not used, no version is taken from it and none is kept: {error}");
    let problem = Problem::warning(file, message).at_key("policies.state-directory");
    Some(problem.with_code("state-directory-unused"))
}

/// Returns an error for each module that the host refuses because a newer signed version has
/// served, or a warning if the numbers of versions cannot be read.
fn older_versions(file: &Path, tables: &PolicyTables, prover: &Prover) -> Vec<Problem> {
    let policies = &tables.policies;
    if policies.catalog.trusted_publishers.is_any() {
        return Vec::new();
    }
    match check_releases(&tables.options(prover), &policies.state_directory) {
        Ok(refused) => refused
            .into_iter()
            .map(|(module, error)| Problem::error(&module, error.to_string()))
            .collect(),
        Err(error) => {
            let message = format!(
                "signed versions are not compared with those that have served: {}",
                with_causes(&error)
            );
            vec![Problem::warning(file, message).at_key("policies.state-directory")]
        }
    }
}

/// Returns an engine for inspection: one decision at a time, without values. It serves the buckets
/// of `key_value`, or any bucket if that is `None`.
///
/// # Errors
///
/// Fails if the engine does not run on this machine.
pub(crate) fn idle_engine(key_value: Option<&KeyValue>) -> Result<Engine, Failure> {
    engine_with(Arc::<PasswordVerifier>::default(), key_value)
}

/// Returns an engine as [`idle_engine`] does, whose policies check secrets through `verifier`.
///
/// # Errors
///
/// Fails if the engine does not run on this machine.
pub(crate) fn engine_with(
    verifier: Arc<dyn SecretVerifier>,
    key_value: Option<&KeyValue>,
) -> Result<Engine, Failure> {
    let options = EngineOptions {
        max_concurrent: 1,
        code_cache: None,
    };
    let engine = Engine::new(options, verifier).map_err(Failure::internal)?;
    Ok(engine.with_key_values(Arc::new(Unconnected::new(key_value))))
}

impl Findings {
    /// Returns a line for each problem, and one that says that `file` is good.
    pub(crate) fn text(&self, file: &Path) -> String {
        let mut lines: Vec<String> = self.problems.iter().map(Problem::to_string).collect();
        if self.code == ExitCode::Success {
            lines.push(format!("{}: ok", file.display()));
        }
        format!("{}\n", lines.join("\n"))
    }

    /// Returns the problems as an object.
    pub(crate) fn json(&self) -> Value {
        let problems = self.problems.iter().map(|problem| {
            json!({
                "severity": if problem.is_error() { "error" } else { "warning" },
                "file": problem.file(),
                "line": problem.line(),
                "key": problem.key(),
                "message": problem.message(),
            })
        });
        json!({
            "ok": self.code == ExitCode::Success,
            "problems": problems.collect::<Vec<_>>(),
        })
    }

    fn add(&mut self, code: ExitCode, problems: Vec<Problem>) {
        if self.code == ExitCode::Success && problems.iter().any(Problem::is_error) {
            self.code = code;
        }
        self.problems.extend(problems);
    }
}

#[cfg(test)]
mod tests;
