//! `portcullis policy test`: runs the tests of policies and reports the results.

mod json;
mod junit;
mod options;
mod results;
mod text;
mod update;

use std::fs;
use std::path::Path;

use portcullis_catalog::{Prover, TestedPolicy, test_module, test_policies};
use portcullis_core::{Allowed, PolicyName};

pub(crate) use self::json::test_to_json;
pub(crate) use self::options::TestOptions;
use self::results::Count;
use super::crate_build;
use super::options;
use crate::check::idle_engine;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{NotDone, Output};
use crate::policy::read_policies;

/// Runs tests and puts nothing in service. `prover` runs them. Updates the test files if
/// [`TestOptions::update`] says so.
///
/// # Errors
///
/// Fails if the configuration is invalid, if a policy to test does not exist, if a crate does not
/// compile, or if the report or a test file cannot be written.
pub(crate) fn test(options: &TestOptions, prover: &Prover) -> Result<Output, NotDone> {
    let mut tested = match &options.config {
        Some(config) => test_configured(config, &options.which, prover)?,
        None => test_paths(&options.which, prover)?,
    };
    if let Some(part) = &options.filter {
        for policy in &mut tested {
            if let Ok(outcomes) = &mut policy.outcomes {
                outcomes.retain(|outcome| outcome.name.contains(part));
            }
        }
    }
    if let Some(file) = &options.junit {
        fs::write(file, junit::render(&tested)).map_err(|error| {
            let context = format!("cannot write `{}`", file.display());
            Failure::new(
                ExitCode::CannotCreate,
                anyhow::Error::new(error).context(context),
            )
        })?;
    }
    let count = Count::new(&tested);
    let mut text = if options.json {
        json::render(&tested, count)?
    } else {
        text::render(&tested, count, options)
    };
    if options.update {
        let updated = update::update(&tested)?;
        text.push_str(&updated.text);
        return Ok(Output { text, ..updated });
    }
    let code = if count.failed == 0 {
        ExitCode::Success
    } else {
        ExitCode::BadPolicies
    };
    Ok(Output { text, code })
}

/// Returns whether an argument next to `--config` is a path and not the name of a policy.
fn is_path(which: &str) -> bool {
    which.contains(['/', '.'])
}

/// Tests the policies of a configuration, all of them if `which` is empty.
fn test_configured(
    config: &Path,
    which: &[String],
    prover: &Prover,
) -> Result<Vec<TestedPolicy>, NotDone> {
    let (paths, names): (Vec<_>, Vec<_>) = which.iter().partition(|which| is_path(which));
    let names = names.into_iter().map(|name| name.parse::<PolicyName>());
    let names = names.collect::<Result<Vec<_>, _>>();
    let names = names.map_err(|error| Failure::new(ExitCode::Usage, error))?;
    let tables = read_policies(config)?;
    let engine = idle_engine(tables.key_value.as_ref())?;
    let options = tables.options(prover);
    let mut tested = Vec::new();
    for path in paths.into_iter().map(Path::new) {
        let module = crate_build::require_module(path)?;
        let found = test_module(&engine, &options, &module);
        tested.push(found.map_err(|error| Failure::new(ExitCode::BadPolicies, error))?);
    }
    // A command line without names and paths asks for all tests.
    let wanted = match Allowed::only(names) {
        Some(wanted) => wanted,
        None if tested.is_empty() => Allowed::Any,
        None => return Ok(tested),
    };
    let found = test_policies(&engine, &options, &wanted)
        .map_err(|error| Failure::new(ExitCode::NotFound, error))?;
    tested.extend(found);
    for name in wanted.listed() {
        if !tested.iter().any(|policy| policy.name == *name) {
            let directory = tables.policies.catalog.directory.display();
            let error = anyhow::anyhow!("there is no policy `{name}` in `{directory}`");
            return Err(Failure::new(ExitCode::NotFound, error).into());
        }
    }
    Ok(tested)
}

/// Tests modules, crates and directories of policies, the crate in the present folder if `which` is
/// empty.
fn test_paths(which: &[String], prover: &Prover) -> Result<Vec<TestedPolicy>, NotDone> {
    let here = [".".to_owned()];
    let which = if which.is_empty() { &here } else { which };
    let engine = idle_engine(None)?;
    let mut tested = Vec::new();
    for path in which.iter().map(Path::new) {
        let Some(module) = crate_build::module_of(path)? else {
            if !path.is_dir() {
                return Err(missing(path, "does not exist").into());
            }
            let found = test_policies(&engine, &options(path, prover), &Allowed::Any)
                .map_err(|error| Failure::new(ExitCode::NotFound, error))?;
            if found.is_empty() {
                return Err(missing(path, "has neither a Cargo.toml nor a NAME.wasm").into());
            }
            tested.extend(found);
            continue;
        };
        let found = test_module(&engine, &options(Path::new("."), prover), &module);
        tested.push(found.map_err(|error| Failure::new(ExitCode::BadPolicies, error))?);
    }
    Ok(tested)
}

/// Returns the failure of a command whose argument is no policy.
pub(super) fn missing(path: &Path, problem: &str) -> Failure {
    let error = anyhow::anyhow!(
        "`{}` {problem}: name a module, the folder of a crate or a directory of policies, or give `--config FILE`",
        path.display()
    );
    Failure::new(ExitCode::NotFound, error)
}

#[cfg(test)]
mod tests;
