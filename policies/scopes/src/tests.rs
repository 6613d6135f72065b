//! Tests of the policy's decisions and of its errors about settings.

mod decisions;
mod documentation;
mod overmind;
mod refusals;

use portcullis_sdk::testing::{self, RequestBuilder};
use portcullis_sdk::{Permit, Policy, Request, SettingsError, Verdict};

use crate::Scopes;

const ISSUER: &str = "https://id.example/";

/// Configures the policy from a NAME.toml, converted to JSON as the host does.
fn configure(toml: &str) -> Result<Scopes, SettingsError> {
    let file: toml::Table = toml::from_str(toml).unwrap();
    testing::configure(&serde_json::to_string(&file["settings"]).unwrap())
}

fn policy(toml: &str) -> Scopes {
    configure(toml).unwrap()
}

/// Builds a login with these claims.
fn token(claims: &serde_json::Value) -> RequestBuilder {
    Request::builder().oidc(ISSUER, &claims.to_string())
}

fn decide(policy: &Scopes, request: RequestBuilder) -> Verdict {
    policy.decide(&request.build())
}
