//! Tests of the policy's decisions and of its errors about settings.

mod accounts;
mod decisions;
mod documentation;
mod merging;
mod planmdk;
mod refusals;

use policy_support::testing::configure;
use portcullis_sdk::testing::{self, RequestBuilder};
use portcullis_sdk::{Permit, Policy, Request, Verdict};

use crate::OidcRoles;

const ISSUER: &str = "https://id.example";

fn policy(toml: &str) -> OidcRoles {
    configure(toml).unwrap()
}

/// Builds a login with these claims.
fn token(claims: &str) -> RequestBuilder {
    Request::builder().oidc(ISSUER, claims)
}

/// Builds a login of `alice` with these roles.
fn roles(names: &[&str]) -> RequestBuilder {
    token(&serde_json::json!({ "sub": "alice", "roles": names }).to_string())
}

fn decide(policy: &OidcRoles, request: RequestBuilder) -> Verdict {
    policy.decide(&request.build())
}

/// Returns the permit of `alice` in the account `APP`, without permissions.
fn alice() -> Permit {
    Permit::new("APP").with_user_name("alice")
}
