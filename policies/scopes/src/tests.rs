//! Every decision and every complaint.

mod decisions;
mod documentation;
mod refusals;

use portcullis_sdk::testing::{self, RequestBuilder};
use portcullis_sdk::{Policy, Request, SettingsError, Verdict};
use serde_json::Value;

use crate::Scopes;

/// The policy from a NAME.toml, by way of JSON as in the host.
fn configure(toml: &str) -> Result<Scopes, SettingsError> {
    let file: toml::Table = toml::from_str(toml).unwrap();
    testing::configure(&serde_json::to_string(&file["settings"]).unwrap())
}

fn policy(toml: &str) -> Scopes {
    configure(toml).unwrap()
}

/// A login by a token that says `claims`.
fn login(claims: &Value) -> RequestBuilder {
    Request::builder().oidc("https://idp.example", &claims.to_string())
}

fn decide(policy: &Scopes, request: RequestBuilder) -> Verdict {
    policy.decide(&request.build())
}
