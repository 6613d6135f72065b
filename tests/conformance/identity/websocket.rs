//! WebSocket, in config mode. The server fills the empty fields of CONNECT from cookies.

use anyhow::Result;
use portcullis_harness::{ForeignClient, Login, Release};

use super::visit::{Fields, Visitor, lets_in};
use crate::rules::Rule;
use crate::stage::{Config, Stage};

/// The fields of a login with a password.
const CLAIMS_ALICE: Fields<'_> = &[
    ("client.kind", "Client"),
    ("client.transport", "websocket"),
    ("client.method", "password"),
    ("identity.principal", "alice"),
    ("identity.strength", "claimed"),
];

/// Verifies a login with a user name and a password in CONNECT.
pub(super) async fn password(release: Release) -> Result<()> {
    let logins = [
        Login::password("alice", "wonderland"),
        Login::password("alice", "wrong"),
    ];
    let rule = Rule::password("alice", "wonderland");
    visit(release, "", rule, logins, CLAIMS_ALICE).await
}

/// Verifies a login with a user name and a password in two cookies.
pub(super) async fn password_cookies(release: Release) -> Result<()> {
    let logins = ["wonderland", "wrong"]
        .map(|password| Login::default().cookies(&[("who", "alice"), ("proof", password)]));
    let rule = Rule::password("alice", "wonderland");
    let cookies = "user_cookie: who, pass_cookie: proof";
    visit(release, cookies, rule, logins, CLAIMS_ALICE).await
}

/// Verifies a login with a token in a cookie.
pub(super) async fn token_cookie(release: Release) -> Result<()> {
    let logins =
        ["open-sesame", "open-barley"].map(|token| Login::default().cookies(&[("session", token)]));
    let fields: Fields<'_> = &[
        ("client.transport", "websocket"),
        ("client.method", "token"),
        ("identity.principal", ""),
        ("identity.strength", "claimed"),
        ("client.user", "[REDACTED]"),
    ];
    let rule = Rule::token("open-sesame");
    visit(release, "token_cookie: session", rule, logins, fields).await
}

/// Logs in with both logins at a server that reads these cookies: the first must be accepted, and
/// the second refused.
async fn visit(
    release: Release,
    cookies: &str,
    rule: Rule,
    logins: [Login; 2],
    fields: Fields<'_>,
) -> Result<()> {
    let top = format!("websocket {{ listen: \"127.0.0.1:-1\", no_tls: true\n{cookies} }}");
    let config = Config {
        accounts: "  APP: {}",
        targets: &["APP"],
        top: &top,
        ..Config::GLOBAL
    };
    let stage = Stage::config(release, config, &[lets_in(rule, "APP")]).await?;
    let visitor = Visitor {
        stage: &stage,
        client: ForeignClient::JavaScript,
        url: &stage.server.websocket_url()?,
        account: "APP",
    };
    let [good, bad] = logins;
    visitor.admits(&good, "browser", fields).await?;
    visitor.refuses(&bad, "stranger", fields).await
}
