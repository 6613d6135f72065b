//! The report for people.

use std::fmt::{self, Write as _};

use portcullis_catalog::{TestOutcome, TestedPolicy};
use portcullis_core::BucketName;
use portcullis_engine::Grants;
use portcullis_toml::text::one_line;

use super::options::TestOptions;
use super::results::{Count, outcomes};

pub(super) fn render(tested: &[TestedPolicy], count: Count, options: &TestOptions) -> String {
    let mut text = String::new();
    for policy in tested {
        // Writing to a string does not fail.
        let _ = match outcomes(policy) {
            Err(error) => writeln!(text, "{}: FAILED: {}", policy.name, one_line(&error)),
            Ok([]) => writeln!(text, "{}: {}", policy.name, no_tests(options)),
            Ok(outcomes) => outcomes
                .iter()
                .try_for_each(|outcome| tell(&mut text, policy, outcome, options.asked)),
        };
        if let Some(grants) = grants(&policy.assumed) {
            let name = &policy.name;
            let _ = writeln!(
                text,
                "{name}: tested with grants that portcullis.toml has to give: [policies.grants.{name}] {grants}"
            );
        }
    }
    let Count { run, failed } = count;
    let _ = writeln!(text, "tests: {run} run, {failed} failed");
    text
}

/// Returns why a policy has no test in the report.
fn no_tests(options: &TestOptions) -> String {
    match &options.filter {
        Some(part) => format!("no test has `{}` in its name", one_line(part)),
        None => "no tests".to_owned(),
    }
}

/// Returns the keys of a table of grants. `None` without any.
fn grants(grants: &Grants) -> Option<String> {
    let buckets: Vec<_> = grants.key_values.iter().map(BucketName::as_str).collect();
    let keys = [
        (!buckets.is_empty()).then(|| format!("key-value = [\"{}\"]", buckets.join("\", \""))),
        grants.secrets.then(|| "secrets = true".to_owned()),
        grants
            .plain_hashes
            .then(|| "plain-hashes = true".to_owned()),
    ];
    let keys: Vec<_> = keys.into_iter().flatten().collect();
    (!keys.is_empty()).then(|| keys.join(", "))
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
