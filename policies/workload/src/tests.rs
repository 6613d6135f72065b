//! Tests of the policy's decisions and of its errors about settings.

mod certificates;
mod decisions;
mod documentation;
mod kubernetes;
mod refusals;
mod svids;

use policy_support::testing::configure;
use portcullis_sdk::testing::RequestBuilder;
use portcullis_sdk::{Method, Permit, Policy, Request, Verdict};

use crate::Workload;

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const API: &str = "spiffe://prod.example/ns/shop/sa/api";

fn policy(toml: &str) -> Workload {
    configure(toml).unwrap()
}

/// Builds a login with only a certificate, which the server has verified.
fn certificate() -> RequestBuilder {
    Request::builder().method(Method::Certificate).proved()
}

/// Builds a login with a token of these claims.
fn token(claims: &serde_json::Value) -> RequestBuilder {
    Request::builder().oidc(ISSUER, &claims.to_string())
}

fn decide(policy: &Workload, request: RequestBuilder) -> Verdict {
    policy.decide(&request.build())
}

fn permit(account: &str, name: &str) -> Permit {
    Permit::new(account).with_user_name(name)
}
