//! Every decision and every complaint.

mod certificates;
mod decisions;
mod documentation;
mod kubernetes;
mod refusals;
mod svids;

use portcullis_sdk::testing::{self, RequestBuilder};
use portcullis_sdk::{Permit, Policy, Request, SettingsError, Verdict};

use crate::Workload;

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const API: &str = "spiffe://prod.example/ns/shop/sa/api";

/// The policy from a NAME.toml, by way of JSON as in the host.
fn configure(toml: &str) -> Result<Workload, SettingsError> {
    let file: toml::Table = toml::from_str(toml).unwrap();
    testing::configure(&serde_json::to_string(&file["settings"]).unwrap())
}

fn policy(toml: &str) -> Workload {
    configure(toml).unwrap()
}

/// A login with nothing but a certificate that the server has verified.
fn certificate() -> RequestBuilder {
    Request::builder().method("certificate").proved()
}

/// A login with a token of these claims.
fn token(claims: &serde_json::Value) -> RequestBuilder {
    Request::builder().oidc(ISSUER, &claims.to_string())
}

fn decide(policy: &Workload, request: RequestBuilder) -> Verdict {
    policy.decide(&request.build())
}

fn permit(account: &str, name: &str) -> Permit {
    Permit::new(account).user_name(name)
}
