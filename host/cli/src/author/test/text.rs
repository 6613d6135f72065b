//! The report for people.

use std::fmt::{self, Write as _};

use portcullis_catalog::{TestOutcome, TestedPolicy};
use portcullis_toml::text::one_line;

use super::{Count, outcomes};

pub(super) fn render(tested: &[TestedPolicy], count: Count, asked: bool) -> String {
    let mut text = String::new();
    for policy in tested {
        // Writing to a string does not fail.
        let _ = match outcomes(policy) {
            Err(error) => writeln!(text, "{}: FAILED: {}", policy.name, one_line(&error)),
            Ok([]) => writeln!(text, "{}: no tests", policy.name),
            Ok(outcomes) => outcomes
                .iter()
                .try_for_each(|outcome| tell(&mut text, policy, outcome, asked)),
        };
    }
    let Count { run, failed } = count;
    let _ = writeln!(text, "tests: {run} run, {failed} failed");
    text
}

fn tell(
    text: &mut String,
    policy: &TestedPolicy,
    outcome: &TestOutcome,
    asked: bool,
) -> fmt::Result {
    let name = format!("{}: {}", policy.name, one_line(&outcome.name));
    match &outcome.failure {
        None => writeln!(text, "{name}: ok, {} fuel", outcome.fuel)?,
        Some(failure) => {
            let (file, line) = (policy.file.display().to_string(), outcome.line);
            let (file, failure) = (one_line(&file), one_line(failure));
            writeln!(text, "{name}: FAILED: {file}, line {line}: {failure}")?;
        }
    }
    for line in &outcome.log {
        writeln!(text, "  log: {}", one_line(line))?;
    }
    for doubt in &outcome.doubts {
        writeln!(text, "  warning: {}", one_line(doubt))?;
    }
    if asked {
        let asked = outcome.asked.join(", ");
        writeln!(text, "  asked: {}", one_line(&asked))?;
    }
    Ok(())
}
