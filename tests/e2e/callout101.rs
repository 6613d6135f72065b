//! The users and profiles of nats-callout101, from the settings file in `policies/static-users`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use portcullis_harness::{Accounts, Credentials, ForeignClient, Host, Release, Step, plain_hashes};
use rstest::rstest;
use serde_json::Value;

use crate::support::{POLICY, site_with};

const CREATE_STREAM: &str = "$JS.API.STREAM.CREATE.ORDERS";
const STREAM: &str = r#"{"name":"ORDERS","subjects":["orders.>"]}"#;

fn settings() -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../policies/static-users/examples/callout101.toml");
    fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))
}

const fn login(name: &str) -> Credentials<'_> {
    // The password of all three users is their name.
    Credentials::Password(name, name)
}

#[rstest]
#[tokio::test]
async fn every_user_lands_in_the_right_account(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    let site = site_with(release, &settings()?)?;
    let server = site.start_server(Accounts::Several).await?;
    let config = site
        .host_config(&server.url(), &plain_hashes(&[POLICY]))
        .replace(r#"["APP"]"#, r#"["APP", "$G"]"#);
    let host = Host::spawn(&site.write_config("callout101.toml", &config)?, &[])?;
    host.ready().await?;

    for (name, account) in [("admin", "APP"), ("test-1", "$G"), ("test-2", "$G")] {
        let session = client
            .run(&server.url(), login(name), name, &[Step::UserInfo])
            .await?;
        let info = session.result(0, "info");
        assert_eq!(info["user"], name, "{session:?}");
        assert_eq!(info["account"], account, "{session:?}");
    }
    for wrong in [
        Credentials::Password("admin", "test-1"),
        Credentials::Password("test-3", "test-3"),
        Credentials::Password("admin", ""),
    ] {
        let session = client.run(&server.url(), wrong, "wrong", &[]).await?;
        assert!(
            session.is_refused_without_reason(),
            "{wrong:?}: {session:?}"
        );
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn only_the_privileged_user_creates_streams(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    // The server allows streams in `$G` only if it has no other account for clients.
    let site = site_with(release, &settings()?)?;
    let server = site.start_server(Accounts::Global).await?;
    let config = site
        .host_config(&server.url(), &plain_hashes(&[POLICY]))
        .replace(r#"["APP"]"#, r#"["$G"]"#)
        .replace(r#"account = "AUTH""#, r#"account = "$G""#);
    let host = Host::spawn(&site.write_config("callout101.toml", &config)?, &[])?;
    host.ready().await?;

    let refused = [Step::Publish(CREATE_STREAM), Step::Publish("orders.new")];
    let session = client
        .run(&server.url(), login("test-2"), "test-2", &refused)
        .await?;
    assert!(session.refused(0) && session.accepted(1), "{session:?}");

    let created = [
        Step::Request(CREATE_STREAM, STREAM),
        Step::Publish("orders.new"),
    ];
    let session = client
        .run(&server.url(), login("test-1"), "test-1", &created)
        .await?;
    let reply = session.result(0, "reply");
    let reply: Value = serde_json::from_str(reply.as_str().unwrap_or_default())?;
    assert_eq!(reply["config"]["name"], "ORDERS", "{session:?}");
    assert!(session.accepted(1), "{session:?}");
    Ok(())
}
