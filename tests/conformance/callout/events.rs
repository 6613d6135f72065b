//! Events that the server publishes about logins.

use anyhow::{Result, ensure};
use async_nats::Subscriber;
use futures::{FutureExt, StreamExt};
use portcullis_harness::{Credentials, Release};
use serde_json::{Value, json};

use crate::rules::Rule;
use crate::stage::{Config, Stage, expect, expect_reason, listen, next, password};

/// Verifies that the server's event in the callout account has the reason of a refusal.
pub(super) async fn auth_errors(release: Release) -> Result<()> {
    let config = Config {
        accounts: "  FOO: {}\n  BAR: {}",
        targets: &["FOO", "BAR"],
        ..Config::GLOBAL
    };
    let rules = [
        Rule::password("dlc", "zzz").permits("FOO").everything(),
        Rule::user("dlc").denies("WRONG PASSWORD"),
        Rule::user("rip").denies("BAD CREDS"),
        Rule::user("proxy")
            .permits("FOO")
            .everything()
            .proxy_required(),
    ];
    let stage = Stage::config(release, config, &rules).await?;
    let mut errors = stage.auth_errors().await?;
    // Causes no event: the first event is about the next login.
    stage
        .log_in(Credentials::Password("dlc", "zzz"), "good")
        .await?;
    stage.refuses(&password("dlc", "xxx")).await?;
    expect_reason(&next(&mut errors).await?, "WRONG PASSWORD")?;
    stage.refuses(&password("rip", "abc")).await?;
    expect_reason(&next(&mut errors).await?, "BAD CREDS")?;
    // A server that supports proxies refuses the login; otherwise the host denies it.
    stage.refuses(&password("proxy", "proxy")).await?;
    expect_reason(&next(&mut errors).await?, "proxy")
}

/// Verifies that the account that the policy chose gets one event for each connection and for each
/// end of one.
pub(super) async fn connects(release: Release) -> Result<()> {
    let config = Config {
        accounts: "  FOO: {}\n  BAR: {}\n  SYS: { users: [ { user: admin, password: s3cr3t } ] }",
        targets: &["FOO", "BAR", "SYS"],
        top: "system_account: SYS",
        ..Config::GLOBAL
    };
    let rules = [
        Rule::password("dlc", "zzz").permits("FOO").everything(),
        Rule::password("rip", "xxx").permits("BAR").everything(),
        Rule::password("admin", "s3cr3t")
            .permits("SYS")
            .everything(),
    ];
    let stage = Stage::config(release, config, &rules).await?;
    let admin = stage
        .log_in(Credentials::Password("admin", "s3cr3t"), "admin")
        .await?;
    let mut connects = listen(&admin, "$SYS.ACCOUNT.*.CONNECT").await?;
    let mut disconnects = listen(&admin, "$SYS.ACCOUNT.*.DISCONNECT").await?;
    let mut counts = [
        listen(&admin, "$SYS.SERVER.ACCOUNT.*.CONNS").await?,
        listen(&admin, "$SYS.ACCOUNT.*.SERVER.CONNS").await?,
    ];
    for (user, secret, account) in [("dlc", "zzz", "FOO"), ("rip", "xxx", "BAR")] {
        let client = stage
            .log_in(Credentials::Password(user, secret), user)
            .await?;
        let event = next_other(&mut connects).await?;
        expect(&event, "/client/user", &json!(user))?;
        expect(&event, "/client/acc", &json!(account))?;
        for count in &mut counts {
            let event = next_other(count).await?;
            expect(&event, "/acc", &json!(account))?;
            expect(&event, "/conns", &json!(1))?;
        }
        client.drain().await?;
        expect(
            &next_other(&mut disconnects).await?,
            "/client/acc",
            &json!(account),
        )?;
        for count in &mut counts {
            let event = next_other(count).await?;
            expect(&event, "/acc", &json!(account))?;
            expect(&event, "/conns", &json!(0))?;
        }
    }
    // An earlier event would have been read above, so none may be left over.
    for subscriber in [&mut connects, &mut disconnects]
        .into_iter()
        .chain(&mut counts)
    {
        while let Some(Some(message)) = subscriber.next().now_or_never() {
            let event: Value = serde_json::from_slice(&message.payload)?;
            ensure!(is_about_admin(&event), "an event too many: {event}");
        }
    }
    Ok(())
}

/// Returns the next event that is not about the administrator's own login.
async fn next_other(subscriber: &mut Subscriber) -> Result<Value> {
    loop {
        let event = next(subscriber).await?;
        if !is_about_admin(&event) {
            return Ok(event);
        }
    }
}

fn is_about_admin(event: &Value) -> bool {
    let accounts = ["/acc", "/client/acc"].map(|pointer| event.pointer(pointer));
    accounts
        .into_iter()
        .flatten()
        .any(|account| account == "SYS")
}
