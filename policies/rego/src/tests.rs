//! Tests of the policy's decisions and of its errors about settings and text.

mod decisions;
mod documentation;
mod refusals;

use policy_support::testing::configure;
use portcullis_sdk::testing::RequestBuilder;
use portcullis_sdk::{Policy, Request, SettingsError, Verdict};

use crate::Rego;

const ISSUER: &str = "https://login.example.com";

/// Configures the policy from settings and a text, as the host does.
fn with_text(settings: &str, text: &str) -> Result<Rego, SettingsError> {
    let mut settings: toml::Table = toml::from_str(settings).unwrap();
    let table = settings["settings"].as_table_mut().unwrap();
    table.insert("rego-text".to_owned(), text.into());
    configure(&settings.to_string())
}

/// Configures the policy from the rules of the package `portcullis`.
fn policy(rules: &str) -> Rego {
    with_text("[settings]", &format!("package portcullis\n{rules}")).unwrap()
}

fn token(claims: &str) -> RequestBuilder {
    Request::builder().oidc(ISSUER, claims)
}

fn alice() -> RequestBuilder {
    token(r#"{ "sub": "alice" }"#).principal("alice")
}

fn decide(rules: &str, request: RequestBuilder) -> Verdict {
    policy(rules).decide(&request.build())
}
