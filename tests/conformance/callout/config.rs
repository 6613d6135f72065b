//! Config mode: which logins are accepted, in which account, and with which permissions.

use anyhow::{Context, Result, ensure};
use portcullis_harness::{Credentials, Release};
use serde_json::json;

use super::bounds::rules_of;

use crate::rules::Rule;
use crate::stage::{Config, Stage, expect, expect_all, expect_reason, next, password, user_info};

/// Verifies that a known password or token is accepted with its permissions and its expiry. Other
/// credentials are refused, and so is a user that needs a proxy.
pub(super) async fn basics(release: Release) -> Result<()> {
    let permit = |rule: Rule| {
        rule.permits("$G")
            .publish(&["$SYS.>"])
            .subscribe(&["_INBOX.>"])
            .expires_in(600)
    };
    let rules = [
        permit(Rule::password("dlc", "zzz")),
        permit(Rule::token("SECRET_TOKEN")),
        permit(Rule::user("proxy")).proxy_required(),
    ];
    let stage = Stage::config(release, Config::GLOBAL, &rules).await?;
    stage.refuses(&password("dlc", "xxx")).await?;
    // Servers before 2.12 do not support proxies, so the host must deny the login there.
    stage.refuses(&password("proxy", "xxx")).await?;

    let named = stage
        .log_in(Credentials::Password("dlc", "zzz"), "named")
        .await?;
    let info = user_info(&named).await?;
    expect(&info, "/user", &json!("dlc"))?;
    let token = stage
        .log_in(Credentials::Token("SECRET_TOKEN"), "token")
        .await?;
    let info_of_token = user_info(&token).await?;
    if release.version() >= (2, 11, 7) {
        expect(&info_of_token, "/user", &json!("[REDACTED]"))?;
    }
    for info in [info, info_of_token] {
        expect(&info, "/account", &json!("$G"))?;
        expect_all(&info, "/permissions/publish/allow", &["$SYS.>"])?;
        let denied = rules_of(release).denies_in_the_callout_account();
        expect_all(&info, "/permissions/publish/deny", denied.publish)?;
        expect_all(&info, "/permissions/subscribe/allow", &["_INBOX.>"])?;
        let expires = info.pointer("/expires").and_then(serde_json::Value::as_u64);
        let expires = expires.context("no expiry")? / 1_000_000_000;
        ensure!((590..=600).contains(&expires), "expires in {expires} s");
    }
    let decision = stage.host.decision("token").await?;
    ensure!(decision.text("client.user") == "[REDACTED]", "{decision:?}");
    Ok(())
}

/// Verifies that the policy places a user in one of several accounts.
pub(super) async fn multi_accounts(release: Release) -> Result<()> {
    let config = Config {
        accounts: "  FOO: {}\n  BAR: {}\n  BAZ: {}",
        targets: &["FOO", "BAR", "BAZ"],
        ..Config::GLOBAL
    };
    let rules = [Rule::password("dlc", "zzz").permits("BAZ").everything()];
    let stage = Stage::config(release, config, &rules).await?;
    let client = stage
        .log_in(Credentials::Password("dlc", "zzz"), "dlc")
        .await?;
    let info = user_info(&client).await?;
    expect(&info, "/user", &json!("dlc"))?;
    expect(&info, "/account", &json!("BAZ"))?;
    let decision = stage.host.decision("dlc").await?;
    ensure!(decision.text("server.name") == "A", "{decision:?}");
    ensure!(decision.text("client.host") == "127.0.0.1", "{decision:?}");
    Ok(())
}

/// Verifies that users of accounts without delegation bypass the callout, and that unknown users do
/// not.
pub(super) async fn allowed_accounts(release: Release) -> Result<()> {
    let config = Config {
        accounts: "  FOO: { users: [ { user: foo, password: pwd } ] }\n  BAR: {}\n\
                   \x20 SYS: { users: [ { user: sys, password: pwd } ] }",
        targets: &["BAR"],
        top: "system_account: SYS\nno_auth_user: foo",
        callout: "allowed_accounts: [ BAR ]",
        ..Config::GLOBAL
    };
    let rules = [Rule::password("dlc", "zzz").permits("BAR").everything()];
    let stage = Stage::config(release, config, &rules).await?;
    for (credentials, user, account) in [
        (Credentials::Password("dlc", "zzz"), "dlc", "BAR"),
        (Credentials::None, "foo", "FOO"),
        (Credentials::Password("sys", "pwd"), "sys", "SYS"),
    ] {
        let info = user_info(&stage.log_in(credentials, user).await?).await?;
        expect(&info, "/user", &json!(user))?;
        expect(&info, "/account", &json!(account))?;
    }
    stage.refuses(&password("dlc", "pwd")).await?;
    // The host has decided the two logins of dlc, and no other.
    stage.host.decision("dlc").await?;
    stage.decided(2).await
}

/// Verifies that the server's tags reach the service.
pub(super) async fn server_tags(release: Release) -> Result<()> {
    let config = Config {
        top: "server_tags: [ \"foo\", \"bar\" ]",
        host: "trusted-server-tags = [\"foo\", \"bar\"]",
        ..Config::GLOBAL
    };
    let rules = [Rule::anybody().permits("$G").everything()];
    let stage = Stage::config(release, config, &rules).await?;
    stage.log_in(Credentials::None, "tagged").await?;
    Ok(())
}

/// Verifies that the server's cluster and version reach the service, and that a client without
/// credentials does.
pub(super) async fn cluster_and_version(release: Release) -> Result<()> {
    let config = Config {
        top: "cluster { name: HUB, listen: \"127.0.0.1:-1\" }",
        ..Config::GLOBAL
    };
    let rules = [Rule::anybody().permits("$G").everything()];
    let stage = Stage::config(release, config, &rules).await?;
    stage.log_in(Credentials::None, "bare").await?;
    let decision = stage.host.decision("bare").await?;
    ensure!(
        decision.text("server.version") == release.to_string(),
        "{decision:?}"
    );
    Ok(())
}

/// Verifies that the server refuses a user that needs a proxy by the server's own configuration,
/// also if the callout permits it.
pub(super) async fn proxy_required(release: Release) -> Result<()> {
    let config = Config {
        accounts: "  APP: { users: [ { user: user, password: pwd }\n    { user: proxy, password: pwd, proxy_required: true } ] }",
        targets: &["APP"],
        ..Config::GLOBAL
    };
    let rules = [Rule::user("proxy").permits("APP").everything()];
    let stage = Stage::config(release, config, &rules).await?;
    let mut errors = stage.auth_errors().await?;
    stage.refuses(&password("proxy", "pwd")).await?;
    expect_reason(&next(&mut errors).await?, "proxy connection required")?;
    stage.host.decision("proxy").await?;
    stage.decided(1).await
}
