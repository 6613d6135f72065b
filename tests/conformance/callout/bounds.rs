//! Bounds of a user JWT that newer servers enforce, and what they add to it.

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use portcullis_claims::ServerVersion;
use portcullis_harness::{Credentials, Release};
use serde_json::json;

use crate::rules::Rule;
use crate::stage::{Config, Stage, expect, expect_all, listen, next, password, user_info};

/// Returns the rules of `release` that the host knows.
pub(super) fn rules_of(release: Release) -> ServerVersion {
    let (major, minor, patch) = release.version();
    ServerVersion::new(major, minor, patch)
}

/// Verifies that a connection of a type in the permit is accepted, and one of a different type is
/// refused.
pub(super) async fn connection_types(release: Release) -> Result<()> {
    let rules = [
        Rule::user("tcp")
            .permits("$G")
            .everything()
            .connection_types(&["STANDARD", "MQTT"]),
        Rule::user("mqtt")
            .permits("$G")
            .everything()
            .connection_types(&["MQTT"]),
    ];
    let stage = Stage::config(release, Config::GLOBAL, &rules).await?;
    stage
        .log_in(Credentials::Password("tcp", "x"), "tcp")
        .await?;
    stage.refuses(&password("mqtt", "x")).await
}

/// Verifies that a client from a network in the permit is accepted, and one from elsewhere is
/// refused.
pub(super) async fn sources(release: Release) -> Result<()> {
    let rules = [
        Rule::user("here")
            .permits("$G")
            .everything()
            .sources(&["192.0.2.0/24", "127.0.0.0/8"]),
        Rule::user("elsewhere")
            .permits("$G")
            .everything()
            .sources(&["192.0.2.0/24"]),
    ];
    let stage = Stage::config(release, Config::GLOBAL, &rules).await?;
    stage
        .log_in(Credentials::Password("here", "x"), "here")
        .await?;
    stage.refuses(&password("elsewhere", "x")).await
}

/// Verifies that the server enforces a limit on messages. The host denies the login at a server
/// that does not.
pub(super) async fn limits(release: Release) -> Result<()> {
    let rules = [Rule::user("small").permits("$G").everything().payload(16)];
    let stage = Stage::config(release, Config::GLOBAL, &rules).await?;
    if !rules_of(release).enforces_limits() {
        return stage.refuses(&password("small", "x")).await;
    }
    let client = stage
        .log_in(Credentials::Password("small", "x"), "small")
        .await?;
    let mut received = client.subscribe("a").await?;
    client.publish("a", "16 bytes or less".into()).await?;
    received.next().await.context("the small message is lost")?;
    let before = client
        .statistics()
        .connects
        .load(std::sync::atomic::Ordering::Relaxed);
    client.publish("a", "more than 16 bytes".into()).await?;
    // The server closes the connection; the client reconnects.
    let again = async {
        while client
            .statistics()
            .connects
            .load(std::sync::atomic::Ordering::Relaxed)
            == before
        {
            client.flush().await.ok();
            tokio::task::yield_now().await;
        }
    };
    let closed = tokio::time::timeout(std::time::Duration::from_secs(30), again).await;
    closed.context("the server took the large message")?;
    Ok(())
}

/// Verifies that the events of connections have the name of the user JWT. Verifies that they have
/// the tags, including the host's own, if the server carries them over.
pub(super) async fn tags_and_name(release: Release) -> Result<()> {
    let config = Config {
        accounts: "  FOO: {}\n  SYS: { users: [ { user: admin, password: s3cr3t } ] }",
        targets: &["FOO", "SYS"],
        top: "system_account: SYS",
        ..Config::GLOBAL
    };
    let rules = [
        Rule::password("admin", "s3cr3t")
            .permits("SYS")
            .everything(),
        Rule::user("dlc")
            .permits("FOO")
            .everything()
            .named("DLC")
            .tags(&["team:red"]),
    ];
    let stage = Stage::config(release, config, &rules).await?;
    let admin = stage
        .log_in(Credentials::Password("admin", "s3cr3t"), "admin")
        .await?;
    let mut connects = listen(&admin, "$SYS.ACCOUNT.FOO.CONNECT").await?;
    stage
        .log_in(Credentials::Password("dlc", "x"), "dlc")
        .await?;
    let event = next(&mut connects).await?;
    expect(&event, "/client/user", &json!("DLC"))?;
    let tags = event.pointer("/client/tags").cloned().unwrap_or_default();
    let tags: Vec<_> = tags.as_array().into_iter().flatten().collect();
    let is_there = |wanted: &str| tags.iter().any(|tag| tag.as_str() == Some(wanted));
    if rules_of(release).enforces_limits() {
        ensure!(is_there("team:red"), "{event}");
        ensure!(is_there("policy:conforms"), "{event}");
    } else {
        ensure!(tags.is_empty(), "{event}");
    }
    Ok(())
}

/// Verifies that the server adds its own denied subjects to a login in the callout account.
pub(super) async fn denied_subjects(release: Release) -> Result<()> {
    let rules = [Rule::user("insider").permits("$G").everything()];
    let stage = Stage::config(release, Config::GLOBAL, &rules).await?;
    let client = stage
        .log_in(Credentials::Password("insider", "x"), "insider")
        .await?;
    let info = user_info(&client).await?;
    let denied = rules_of(release).denies_in_the_callout_account();
    expect_all(&info, "/permissions/publish/deny", denied.publish)?;
    if !denied.subscribe.is_empty() {
        expect_all(&info, "/permissions/subscribe/deny", denied.subscribe)?;
    }
    Ok(())
}
