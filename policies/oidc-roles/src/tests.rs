//! Every decision and every complaint.

mod accounts;
mod decisions;
mod documentation;
mod merging;
mod planmdk;
mod refusals;

use portcullis_sdk::testing::{self, RequestBuilder};
use portcullis_sdk::{Permit, Policy, Request, SettingsError, Verdict};

use crate::OidcRoles;

const ISSUER: &str = "https://id.example";

/// The policy from a NAME.toml, by way of JSON as in the host.
fn configure(toml: &str) -> Result<OidcRoles, SettingsError> {
    let file: toml::Table = toml::from_str(toml).unwrap();
    testing::configure(&serde_json::to_string(&file["settings"]).unwrap())
}

fn policy(toml: &str) -> OidcRoles {
    configure(toml).unwrap()
}

/// A login with these claims.
fn token(claims: &str) -> RequestBuilder {
    Request::builder().oidc(ISSUER, claims)
}

/// A login of `alice` with these roles.
fn roles(names: &[&str]) -> RequestBuilder {
    token(&serde_json::json!({ "sub": "alice", "roles": names }).to_string())
}

fn decide(policy: &OidcRoles, request: RequestBuilder) -> Verdict {
    policy.decide(&request.build())
}

/// What `alice` gets in the account `APP`.
fn alice() -> Permit {
    Permit::new("APP").user_name("alice")
}
