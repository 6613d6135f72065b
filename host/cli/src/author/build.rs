//! `portcullis policy build`: makes the module of a crate and describes it.

use std::fmt::Write as _;
use std::path::Path;

use portcullis_catalog::{Inspection, Prover, inspect};
use portcullis_toml::text::one_line;

use super::{crate_build, options};
use crate::check::idle_engine;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::inspect::to_json;
use crate::output::{NotDone, Output, render_json};

/// Builds the policy in the crate at `directory`, and loads the module with the settings next to
/// it, as the host would. `prover` loads it.
///
/// # Errors
///
/// Fails if the crate is no policy or does not compile, if the toolchain lacks a part, or if the
/// module is no policy.
pub(crate) fn build(
    directory: &Path,
    profile: &str,
    json: bool,
    prover: &Prover,
) -> Result<Output, NotDone> {
    let built = crate_build::build(directory, profile)?;
    let options = options(directory, prover);
    let engine = idle_engine(None)?;
    let found = inspect(&engine, &built.module, &options)
        .map_err(|error| Failure::new(ExitCode::BadPolicies, error))?;
    let text = if json {
        render_json(&to_json(&built.module, &found))?
    } else {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = tell(&mut text, &built.module, &found);
        text
    };
    let code = match &found.verdict {
        Ok((_, tests)) if tests.iter().all(|test| test.failure.is_none()) => ExitCode::Success,
        _ => ExitCode::BadPolicies,
    };
    Ok(Output { text, code })
}

fn tell(text: &mut String, module: &Path, found: &Inspection) -> std::fmt::Result {
    writeln!(text, "{}", one_line(&module.display().to_string()))?;
    writeln!(text, "  size: {} bytes", found.size)?;
    writeln!(text, "  digest: {}", found.digest)?;
    writeln!(text, "  imports:")?;
    for (interface, functions) in &found.description.uses {
        let uses = format!("{interface}: {}", functions.join(", "));
        writeln!(text, "    {}", one_line(&uses))?;
    }
    match &found.verdict {
        Ok((_, tests)) => {
            let failed = tests.iter().filter(|test| test.failure.is_some()).count();
            writeln!(text, "  tests: {}, {failed} failed", tests.len())
        }
        Err(error) => {
            let error = error.to_string();
            writeln!(text, "  not to be put in service: {}", one_line(&error))
        }
    }
}
