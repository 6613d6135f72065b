//! Logins that are accepted, and their permissions.

use std::time::Duration;

use anyhow::Result;
use portcullis_harness::{ForeignClient, Release, Step};
use rstest::rstest;
use serde_json::json;

use crate::support::{ALICE, POLICY, SENSOR, Serving, alice, sensor, settings, sorted};

#[rstest]
#[tokio::test]
async fn alice_has_exactly_her_permissions_account_and_expiry(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    let settings = settings(&[alice("expires-in = \"1h\"").await?]);
    let serving = Serving::start(release, &settings).await?;

    let session = client
        .run(&serving.url(), ALICE, "desk", &[Step::UserInfo])
        .await?;

    let info = session.result(0, "info");
    assert_eq!(info["user"], "alice", "{session:?}");
    assert_eq!(info["account"], "APP");
    assert_eq!(
        sorted(&info["permissions"]),
        json!({
            "publish": { "allow": ["$SYS.REQ.USER.INFO", "alice.>"], "deny": ["alice.sealed"] },
            "subscribe": { "allow": ["_INBOX.>", "alice.>"], "deny": ["alice.sealed"] },
        })
    );
    let hour = Duration::from_hours(1);
    let left = Duration::from_nanos(info["expires"].as_u64().unwrap_or_default());
    assert!(left <= hour && left > Duration::from_mins(59), "{left:?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn alice_may_use_her_subjects_and_no_others(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    let serving = Serving::start(release, &settings(&[alice("").await?])).await?;

    let steps = [
        Step::Publish("alice.desk"),
        Step::Publish("bob.desk"),
        Step::Publish("alice.sealed"),
        Step::Subscribe("alice.>"),
        Step::Subscribe("bob.>"),
    ];
    let session = client.run(&serving.url(), ALICE, "desk", &steps).await?;

    let accepted: Vec<_> = (0..steps.len())
        .map(|step| session.accepted(step))
        .collect();
    assert_eq!(accepted, [true, false, false, true, false], "{session:?}");
    assert!(
        session.refused(1) && session.refused(2) && session.refused(4),
        "{session:?}"
    );
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_token_login_gets_the_name_from_the_settings(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    let settings = settings(&[sensor("everything", "").await?]);
    let serving = Serving::start(release, &settings).await?;

    let session = client
        .run(&serving.url(), SENSOR, "roof", &[Step::UserInfo])
        .await?;

    assert_eq!(session.result(0, "info")["user"], "sensor", "{session:?}");
    let decision = serving.host.decision("roof").await?;
    assert_eq!(decision.text("client.method"), "token");
    assert_eq!(decision.text("user_name"), "sensor");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_decision_is_logged_once_with_the_policy_that_made_it(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let serving = Serving::start(release, &settings(&[alice("").await?])).await?;
    let loaded = serving
        .host
        .wait_for("a policy", |event| event.says("policy loaded"))
        .await?;

    let session = ForeignClient::Python
        .run(&serving.url(), ALICE, "desk", &[])
        .await?;

    assert!(session.connected, "{session:?}");
    let decision = serving.host.decision("desk").await?;
    assert_eq!(decision.text("decision"), "permit");
    assert_eq!(decision.text("policy.name"), POLICY);
    assert_eq!(decision.text("policy.digest"), loaded.text("policy.digest"));
    assert!(
        decision.text("policy.digest").starts_with("sha256:"),
        "{decision:?}"
    );
    assert_eq!(
        decision.number("policy.generation"),
        loaded.number("policy.generation")
    );
    assert_eq!(decision.text("account"), "APP");
    assert_eq!(decision.text("user_name"), "alice");
    assert_eq!(decision.text("client.user"), "alice");
    assert_eq!(decision.text("client.host"), "127.0.0.1");
    assert_eq!(decision.text("client.method"), "password");
    assert_eq!(decision.text("server.name"), "portcullis-tests");
    let version = match release {
        Release::Nats2_10 => "2.10.26",
        _ => "2.15.1",
    };
    assert_eq!(decision.text("server.version"), version);
    assert!(decision.number("elapsed_us") > Some(0), "{decision:?}");
    let events = serving.host.log().all();
    assert_eq!(
        events.iter().filter(|event| event.decides("desk")).count(),
        1
    );
    Ok(())
}

#[rstest]
#[tokio::test]
async fn the_server_closes_a_connection_that_expires(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    let settings = settings(&[alice("expires-in = \"2s\"").await?]);
    let serving = Serving::start(release, &settings).await?;

    let steps = [Step::ExpectClosed(Duration::from_secs(20))];
    let session = client.run(&serving.url(), ALICE, "desk", &steps).await?;

    assert_eq!(session.result(0, "closed"), true, "{session:?}");
    Ok(())
}
