//! The report for programs.

use portcullis_catalog::{TestOutcome, TestedPolicy};
use portcullis_core::BucketName;
use serde_json::{Value, json};

use super::Count;

pub(super) fn render(tested: &[TestedPolicy], count: Count) -> serde_json::Result<String> {
    let policies: Vec<_> = tested.iter().map(policy).collect();
    let report = json!({
        "policies": policies,
        "run": count.run,
        "failed": count.failed,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&report)?))
}

fn policy(policy: &TestedPolicy) -> Value {
    let (tests, error) = match &policy.outcomes {
        Ok(outcomes) => (outcomes.iter().map(test).collect(), Value::Null),
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

fn test(outcome: &TestOutcome) -> Value {
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
