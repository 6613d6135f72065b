//! Every decision and every complaint.

mod decisions;
mod documentation;
mod planmdk;
mod refusals;

use portcullis_sdk::testing::{self, RequestBuilder};
use portcullis_sdk::{Policy, Request, SettingsError, Verdict};
use serde_json::{Value, json};

use crate::OidcRoles;

const ISSUER: &str = "https://idp.example";

/// The policy from a NAME.toml, by way of JSON as in the host.
fn configure(toml: &str) -> Result<OidcRoles, SettingsError> {
    let file: toml::Table = toml::from_str(toml).unwrap();
    testing::configure(&serde_json::to_string(&file["settings"]).unwrap())
}

fn policy(toml: &str) -> OidcRoles {
    configure(toml).unwrap()
}

/// A login by a token that says `claims`.
fn login(claims: &Value) -> RequestBuilder {
    Request::builder().oidc(ISSUER, &claims.to_string())
}

/// A login by a token with these roles.
fn with_roles(roles: &[&str]) -> RequestBuilder {
    login(&json!({ "sub": "7", "email": "alice@example.com", "roles": roles }))
}

fn decide(policy: &OidcRoles, request: RequestBuilder) -> Verdict {
    policy.decide(&request.build())
}
