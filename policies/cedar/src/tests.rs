//! Tests of the policy's decisions and of its errors about settings and text.

mod decisions;
mod documentation;
mod refusals;

use policy_support::testing::configure;
use portcullis_sdk::testing::RequestBuilder;
use portcullis_sdk::{Policy, Request, SettingsError, Verdict};

use crate::Cedar;

const ISSUER: &str = "https://login.example.com";

/// Settings with two accounts, two profiles and two claims.
const SETTINGS: &str = r#"
    [settings]
    accounts = ["APP", "REPORTS"]
    issuers = ["https://login.example.com"]
    [settings.claims]
    clearance = "long"
    teams = "strings"
    [settings.profiles.reader]
    subscribe = { allow = ["orders.>"] }
    [settings.profiles.writer]
    publish = { allow = ["orders.new.{{claim.sub}}"] }
"#;

/// Configures the policy from settings and a text, as the host does.
fn with_text(settings: &str, text: &str) -> Result<Cedar, SettingsError> {
    let mut settings: toml::Table = toml::from_str(settings).unwrap();
    let table = settings["settings"].as_table_mut().unwrap();
    table.insert("cedar-text".to_owned(), text.into());
    configure(&settings.to_string())
}

fn policy(text: &str) -> Cedar {
    with_text(SETTINGS, text).unwrap()
}

/// Builds a login of `alice` with these groups.
fn login(groups: &[&str]) -> RequestBuilder {
    token(r#"{ "sub": "alice", "clearance": 2, "teams": ["red", "blue"] }"#).groups(groups.to_vec())
}

fn token(claims: &str) -> RequestBuilder {
    Request::builder().oidc(ISSUER, claims)
}

fn decide(text: &str, request: RequestBuilder) -> Verdict {
    policy(text).decide(&request.build())
}
