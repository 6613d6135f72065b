//! The report for programs.

use portcullis_catalog::{TestOutcome, TestedPolicy};
use portcullis_core::BucketName;
use serde_json::{Value, json};

use super::results::Count;
use crate::failure::Failure;
use crate::output::render_json;

pub(super) fn render(tested: &[TestedPolicy], count: Count) -> Result<String, Failure> {
    let policies: Vec<_> = tested.iter().map(policy).collect();
    let report = json!({
        "policies": policies,
        "run": count.run,
        "failed": count.failed,
    });
    render_json(&report)
}

fn policy(policy: &TestedPolicy) -> Value {
    let (tests, error) = match &policy.outcomes {
        Ok(outcomes) => (outcomes.iter().map(test_to_json).collect(), Value::Null),
        Err(error) => {
            let error = json!({
                "file": error.file(),
                "line": error.line(),
                "message": error.problem().to_string(),
            });
            (Vec::new(), error)
        }
    };
    json!({
        "name": policy.name.as_str(),
        "file": policy.file,
        "error": error,
        "assumed-grants": {
            "key-value": policy.assumed.key_values.iter().map(BucketName::as_str).collect::<Vec<_>>(),
            "secrets": policy.assumed.secrets,
            "plain-hashes": policy.assumed.plain_hashes,
        },
        "tests": tests,
    })
}

/// Returns the outcome of a test as an object.
pub(crate) fn test_to_json(outcome: &TestOutcome) -> Value {
    json!({
        "name": outcome.name,
        "line": outcome.line,
        "passed": outcome.failure.is_none(),
        "failure": outcome.failure,
        "fuel": outcome.fuel,
        "memory": outcome.memory,
        "asked": outcome.asked,
        "log": outcome.log,
        "warnings": outcome.doubts,
    })
}
