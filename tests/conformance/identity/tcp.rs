//! NATS over TCP, in config mode.

use anyhow::Result;
use nkeys::KeyPair;
use portcullis_harness::{ForeignClient, Login, Release};

use super::visit::{BOTH, Fields, Visitor, expect_fields, lets_in};
use crate::rules::Rule;
use crate::stage::{Config, Stage};

/// The fields of every login in this module.
const COMES: [(&str, &str); 3] = [
    ("client.kind", "Client"),
    ("client.transport", "nats"),
    ("client.host", "127.0.0.1"),
];

/// Verifies a login with a user name and a password, which are a claim until the policy compares
/// the password.
pub(super) async fn password(release: Release) -> Result<()> {
    let stage = stage(release, Rule::password("alice", "wonderland")).await?;
    let fields: Fields<'_> = &[
        ("client.method", "password"),
        ("identity.principal", "alice"),
        ("identity.strength", "claimed"),
        ("client.user", "alice"),
    ];
    let url = stage.server.url();
    for client in BOTH {
        let (good, bad) = (format!("{client:?}"), format!("{client:?}-wrong"));
        let visitor = visitor(&stage, client, &url);
        let login = Login::password("alice", "wonderland");
        visitor.admits(&login, &good, fields).await?;
        let login = Login::password("alice", "wrong");
        visitor.refuses(&login, &bad, fields).await?;
    }
    expect_fields(&stage.host.decision("Python").await?, &COMES)
}

/// Verifies a login with a token, which has no principal.
pub(super) async fn token(release: Release) -> Result<()> {
    let stage = stage(release, Rule::token("open-sesame")).await?;
    let fields: Fields<'_> = &[
        ("client.method", "token"),
        ("identity.principal", ""),
        ("identity.strength", "claimed"),
        ("client.user", "[REDACTED]"),
    ];
    let url = stage.server.url();
    for client in BOTH {
        let (good, bad) = (format!("{client:?}"), format!("{client:?}-wrong"));
        let visitor = visitor(&stage, client, &url);
        let login = Login::token("open-sesame");
        visitor.admits(&login, &good, fields).await?;
        let login = Login::token("open-barley");
        visitor.refuses(&login, &bad, fields).await?;
    }
    expect_fields(&stage.host.decision("Python").await?, &COMES)
}

/// Verifies that the signature over the server's nonce proves an nkey that the server does not
/// know. A key that the policy does not know is refused, and so is one with a signature by a
/// different key.
pub(super) async fn nkey(release: Release) -> Result<()> {
    let (known, other) = (KeyPair::new_user(), KeyPair::new_user());
    let key = known.public_key();
    let stage = stage(release, Rule::nkey(&key)).await?;
    let proved: Fields<'_> = &[
        ("client.method", "nkey"),
        ("identity.principal", &key),
        ("identity.strength", "proved"),
    ];
    let stranger = other.public_key();
    let unknown: Fields<'_> = &[
        ("client.method", "nkey"),
        ("identity.principal", &stranger),
        ("identity.strength", "proved"),
        ("denial.class", "end-of-chain"),
    ];
    let url = stage.server.url();
    for client in BOTH {
        let (good, bad) = (format!("{client:?}"), format!("{client:?}-unknown"));
        let visitor = visitor(&stage, client, &url);
        visitor.admits(&Login::nkey(&known)?, &good, proved).await?;
        visitor
            .refuses(&Login::nkey(&other)?, &bad, unknown)
            .await?;
    }
    let forged = Login::forged_nkey(&key, &other)?;
    let rejected: Fields<'_> = &[
        ("client.method", "nkey"),
        ("identity.strength", "claimed"),
        ("denial.class", "identity-rejected"),
    ];
    let visitor = visitor(&stage, ForeignClient::JavaScript, &url);
    visitor.refuses(&forged, "forged", rejected).await?;
    expect_fields(&stage.host.decision("Python").await?, &COMES)
}

async fn stage(release: Release, rule: Rule) -> Result<Stage> {
    let config = Config {
        accounts: "  APP: {}",
        targets: &["APP"],
        ..Config::GLOBAL
    };
    Stage::config(release, config, &[lets_in(rule, "APP")]).await
}

fn visitor<'a>(stage: &'a Stage, client: ForeignClient, url: &'a str) -> Visitor<'a> {
    Visitor {
        stage,
        client,
        url,
        account: "APP",
    }
}
