//! Every decision and every complaint.

mod decisions;
mod documentation;
mod refusals;

use portcullis_sdk::testing::{self, RequestBuilder};
use portcullis_sdk::{Policy, Request, SettingsError, Verdict};

use crate::Workload;

/// The policy from a NAME.toml, by way of JSON as in the host.
fn configure(toml: &str) -> Result<Workload, SettingsError> {
    let file: toml::Table = toml::from_str(toml).unwrap();
    testing::configure(&serde_json::to_string(&file["settings"]).unwrap())
}

fn policy(toml: &str) -> Workload {
    configure(toml).unwrap()
}

fn decide(policy: &Workload, request: RequestBuilder) -> Verdict {
    policy.decide(&request.build())
}
