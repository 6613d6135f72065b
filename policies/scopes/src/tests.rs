//! Tests of the policy's decisions and of its errors about settings.

mod decisions;
mod documentation;
mod overmind;
mod refusals;

use policy_support::testing::configure;
use portcullis_sdk::testing::{self, RequestBuilder};
use portcullis_sdk::{Permit, Policy, Request, Verdict};

use crate::Scopes;

const ISSUER: &str = "https://id.example/";

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
