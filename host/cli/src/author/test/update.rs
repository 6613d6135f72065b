//! `portcullis policy test --update`: failed tests expect what their policies answered.

use std::fmt::Write as _;

use portcullis_catalog::{TestedPolicy, UpdateError, update_tests};
use portcullis_toml::text::one_line;

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Output;

/// Updates the test files of policies with failed tests. The exit code says whether a test still
/// fails.
///
/// # Errors
///
/// Fails if a test file cannot be read or replaced.
pub(super) fn update(tested: &[TestedPolicy]) -> Result<Output, Failure> {
    let mut output = Output::success(String::new());
    for policy in tested {
        let Ok(outcomes) = &policy.outcomes else {
            output.code = ExitCode::BadPolicies;
            continue;
        };
        if outcomes.iter().all(|outcome| outcome.failure.is_none()) {
            continue;
        }
        let updated = update_tests(&policy.file, outcomes).map_err(|error| {
            let code = match error {
                UpdateError::Write { .. } => ExitCode::CannotCreate,
                _ => ExitCode::BadPolicies,
            };
            Failure::new(code, error)
        })?;
        // Writing to a string does not fail.
        let file = policy.file.display().to_string();
        for name in &updated.updated {
            let (file, name) = (one_line(&file), one_line(name));
            let _ = writeln!(
                output.text,
                "{file}: test `{name}` updated, read what it expects"
            );
        }
        for (name, reason) in &updated.left {
            output.code = ExitCode::BadPolicies;
            let (file, name) = (one_line(&file), one_line(name));
            let _ = writeln!(output.text, "{file}: test `{name}` not updated: {reason}");
        }
    }
    Ok(output)
}
