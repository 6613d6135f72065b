//! The records of logins that the server had given up before the host replied.

use std::fs;

use anyhow::{Result, ensure};
use futures::future::join_all;
use portcullis_harness::{Accounts, Answer, Event, Host, Release, Site, Wire};
use rstest::rstest;
use serde_json::{Value, json};

use crate::health::{metric, spawn};
use crate::records::{FILE, record_of};
use crate::support::{ALICE_PASSWORD, SENSOR_TOKEN, alice, sensor, settings, site_with, user};

async fn site(release: Release) -> Result<Site> {
    let settings = settings(&[alice("").await?, sensor("everything", "").await?]);
    let site = site_with(release, &settings)?;
    Ok(site)
}

/// Stops every thread of the host.
async fn stop(host: &Host) -> Result<()> {
    host.signal("-STOP").await?;
    let threads = format!("/proc/{}/task", host.id()?);
    while !all_stopped(&threads)? {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Returns whether every thread in this directory of `/proc` is stopped.
fn all_stopped(threads: &str) -> Result<bool> {
    for thread in fs::read_dir(threads)? {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        if !status.contains("\nState:\tT") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Logs in with these CONNECT options, and verifies that the server gives up.
async fn is_given_up(port: u16, presented: &Value) -> Result<()> {
    let mut wire = Wire::open(port).await?;
    let answer = wire.log_in(presented).await?;
    ensure!(answer != Answer::Admitted, "the server waited");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_login_that_waited_while_the_host_was_stopped_is_not_recorded_as_let_in(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = site(release).await?;
    let server = site.start_server_waiting(Accounts::Several, "2").await?;
    let (host, health) = spawn(&site, &server.url(), "").await?;
    host.ready().await?;
    let presented = |name: &str| json!({ "auth_token": SENSOR_TOKEN, "name": name });

    stop(&host).await?;
    is_given_up(server.port(), &presented("stopped")).await?;
    host.signal("-CONT").await?;

    let decision = host.decision("stopped").await?;
    assert_eq!(decision.text("reply"), "late", "{decision:?}");
    assert_eq!(decision.text("denial.class"), "deadline", "{decision:?}");
    let noticed = |event: &Event| {
        event.says("this process did not run: requests that waited may be too late")
    };
    host.wait_for("the pause", noticed).await?;
    // Later logins work as before.
    let mut wire = Wire::open(server.port()).await?;
    assert_eq!(wire.log_in(&presented("next")).await?, Answer::Admitted);
    assert_eq!(host.decision("next").await?.text("reply"), "sent");
    assert_eq!(metric(&health, "portcullis_replies_late_total").await?, 1);
    Ok(())
}

/// Logs in with these CONNECT options again and again. A server that waits so briefly may give a
/// client up before it has read what the client presents.
async fn is_given_up_again_and_again(port: u16, presented: &Value) -> Result<()> {
    loop {
        let mut wire = Wire::open(port).await?;
        // The server may have closed the connection before everything was written.
        let answer = wire.log_in(presented).await.unwrap_or(Answer::Closed);
        ensure!(answer != Answer::Admitted, "the server waited");
    }
}

/// Covers a timeout of 20 milliseconds, for which the server's requests claim up to a second.
#[rstest]
#[tokio::test]
async fn a_login_that_the_server_gave_up_first_is_not_recorded_as_let_in(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = site(release).await?;
    let server = site
        .start_server_waiting(Accounts::Several, "0.001")
        .await?;
    let tables = format!("[health]\nlisten = \"127.0.0.1:0\"\n{FILE}");
    let host = site.spawn_host(&server, &tables)?;
    let health = host.says("health served").await?;
    let health = health.text("health.address").to_owned();
    host.ready().await?;

    let presented = json!({ "user": "alice", "pass": ALICE_PASSWORD, "name": "hasty" });
    let decision = tokio::select! {
        decision = host.decision("hasty") => decision?,
        failed = is_given_up_again_and_again(server.port(), &presented) => {
            return failed;
        }
    };

    if decision.text("reply") == "sent" {
        let is_rejected = |event: &Event| {
            event.says("permit rejected by the server")
                && event.text("user_nkey") == decision.text("user_nkey")
        };
        host.wait_for("the server's word", is_rejected).await?;
    } else {
        let reply = decision.text("reply");
        assert!(["given-up", "late"].contains(&reply), "{decision:?}");
        assert!(metric(&health, "portcullis_replies_late_total").await? > 0);
    }
    let record = record_of(&site, decision.text("user_nkey")).await?;
    let outcome = record.get("outcome").and_then(Value::as_str);
    let outcome = outcome.unwrap_or_default();
    let outcomes = ["given-up", "rejected", "denied"];
    assert!(outcomes.contains(&outcome), "{record}");
    Ok(())
}

/// The password of the tests' user, hashed by bcrypt with cost 12: a quarter of a second alone, and
/// much more with concurrent hashes.
const COSTLY: &str = "$2b$12$abcdefghijklmnopqrstuumjShLAz1hg5xNkjnYdEhDjbg3Hc48be";

#[tokio::test]
async fn right_logins_for_which_there_is_no_time_are_denied_as_one_class() -> Result<()> {
    let alice = user("alice", &format!("password = \"{COSTLY}\""), "own", "");
    let settings = settings(&[alice]);
    let site = site_with(Release::Nats2_15, &settings)?;
    let server = site.start_server(Accounts::Several).await?;
    let host = site.start_host(&server).await?;

    let port = server.port();
    let logins = (0..12).map(|number| async move {
        let name = format!("at-once-{number}");
        let presented = json!({ "user": "alice", "pass": ALICE_PASSWORD, "name": name });
        let mut wire = Wire::open(port).await?;
        wire.log_in(&presented).await?;
        anyhow::Ok(name)
    });
    for name in join_all(logins).await {
        let decision = host.decision(&name?).await?;
        if decision.text("decision") == "deny" {
            assert_eq!(decision.text("denial.class"), "deadline", "{decision:?}");
            assert_eq!(decision.text("denial.blame"), "host", "{decision:?}");
        }
    }
    Ok(())
}
