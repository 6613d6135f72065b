//! The service around a decision: who may ask it, its discovery, the answers to denials, the bounds
//! of permits, and the server's reaction to permits.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use async_nats::Client;
use futures::StreamExt;
use portcullis_harness::{
    Accounts, Credentials, Event, Host, NatsServer, Release, Site, Wire, is_refused, log_in,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{ALICE, POLICY, SENSOR, Serving, alice, sensor, settings, site_with};

/// The time after which a step counts as hung: longer than any step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a site that serves alice and the sensor, with `callout` in that table of the host's
/// configuration and `tables` after the others.
async fn serving(release: Release, more: &str, callout: &str, tables: &str) -> Result<Serving> {
    let users = [alice(more).await?, sensor("everything", more).await?];
    let site = site_with(release, &settings(&users))?;
    let server = site.start_server(Accounts::Several).await?;
    let host = host_with(&site, &server, callout, tables).await?;
    Ok(Serving { site, server, host })
}

async fn host_with(site: &Site, server: &NatsServer, callout: &str, tables: &str) -> Result<Host> {
    let config = site
        .host_config(&server.url(), tables)
        .replace("[callout]", &format!("[callout]\n{callout}"));
    let host = Host::spawn(&site.write_config("service.toml", &config)?, &[])?;
    host.ready().await?;
    Ok(host)
}

/// Logs in a client of the callout account that bypasses the callout.
async fn observer(url: &str) -> Result<Client> {
    let (user, password) = Site::OBSERVER;
    Ok(log_in(url, Credentials::Password(user, password), "observer").await?)
}

async fn asked(client: &Client, subject: &str) -> Result<Value> {
    let message = timeout(PATIENCE, client.request(subject.to_owned(), "".into())).await??;
    Ok(serde_json::from_slice(&message.payload)?)
}

/// Returns settings whose profile `own`, which alice has, has these `bounds`.
async fn bounded(bounds: &str) -> Result<String> {
    let profile = "[settings.profiles.own]";
    Ok(settings(&[alice("").await?]).replace(profile, &format!("{profile}\n{bounds}")))
}

fn denied(event: &Event, class: &str) {
    assert_eq!(event.text("denial.class"), class, "{event:?}");
}

#[rstest]
#[tokio::test]
async fn nats_tools_find_the_service_and_what_it_counted(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let serving = serving(release, "", "service-name = \"doors\"", "").await?;
    log_in(&serving.url(), SENSOR, "roof").await?;
    let wrong = Credentials::Token("wrong");
    assert!(is_refused(&log_in(&serving.url(), wrong, "desk").await));
    let client = observer(&serving.url()).await?;

    let ping = asked(&client, "$SRV.PING").await?;
    assert_eq!(ping["type"], "io.nats.micro.v1.ping_response");
    assert_eq!(ping["name"], "doors");
    let info = asked(&client, "$SRV.INFO.doors").await?;
    assert_eq!(info["id"], ping["id"]);
    let endpoint = &info["endpoints"][0];
    assert_eq!(endpoint["subject"], "$SYS.REQ.USER.AUTH");
    assert_eq!(endpoint["queue_group"], "q");
    let id = ping["id"].as_str().context("no id")?;
    let stats = asked(&client, &format!("$SRV.STATS.doors.{id}")).await?;
    let endpoint = &stats["endpoints"][0];
    assert_eq!(endpoint["num_requests"], 2, "{stats}");
    assert_eq!(endpoint["data"]["permits"], 1, "{stats}");
    assert_eq!(endpoint["data"]["denials.end-of-chain"], 1, "{stats}");
    assert!(endpoint["average_processing_time"].as_u64() > Some(0));
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_service_that_is_not_discoverable_says_nothing() -> Result<()> {
    let serving = serving(Release::Nats2_15, "", "discoverable = false", "").await?;
    let client = observer(&serving.url()).await?;
    let answer = client.request("$SRV.PING", "".into()).await;
    assert!(answer.is_err(), "{answer:?}");
    Ok(())
}

/// Compares the durations of refusals: milliseconds with a reason or an empty body, and the
/// server's whole timeout (5 s) without a reply.
#[rstest]
#[case::error("error", "sent")]
#[case::empty("empty", "sent")]
#[case::delayed("delay", "sent")]
#[case::dropped("drop", "dropped")]
#[tokio::test]
async fn denials_are_answered_as_configured(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[case] mode: &str,
    #[case] reply: &str,
) -> Result<()> {
    let callout = format!("deny = {{ end-of-chain = \"{mode}\", delay = \"2s\" }}");
    let serving = serving(release, "", &callout, "").await?;
    let client = observer(&serving.url()).await?;
    let mut refusals = client.subscribe("$SYS.ACCOUNT.CLIENT.AUTH.ERR").await?;
    client.flush().await?;

    // By hand: after two seconds without an answer, a server sends a PING, which the client library
    // takes for an accepted login.
    let began = Instant::now();
    let mut wire = Wire::open(serving.server.port()).await?;
    let wrong = json!({ "auth_token": "wrong", "name": "desk" });
    let answer = wire.log_in(&wrong).await?;
    let took = began.elapsed();
    assert!(answer.is_refused_without_reason(), "{answer:?}");

    let decision = serving.host.decision("desk").await?;
    assert_eq!(decision.text("reply"), reply);
    denied(&decision, "end-of-chain");
    let message = timeout(PATIENCE, refusals.next())
        .await?
        .context("closed")?;
    let event: Value = serde_json::from_slice(&message.payload)?;
    let told = event["reason"].as_str().unwrap_or_default();
    assert_eq!(
        told.contains("end-of-chain"),
        matches!(mode, "error" | "delay"),
        "{told}"
    );
    let at_least = match mode {
        "drop" => Duration::from_secs(4),
        "delay" => Duration::from_secs(2),
        _ => Duration::ZERO,
    };
    assert!(took >= at_least, "refused after {took:?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn what_the_server_ignores_the_host_enforces(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    for (more, class) in [
        ("sources = [\"10.0.0.0/8\"]", "source-not-allowed"),
        (
            "connection-types = [\"WEBSOCKET\"]",
            "connection-type-not-allowed",
        ),
    ] {
        let serving = Serving::start(release, &bounded(more).await?).await?;
        assert!(is_refused(&log_in(&serving.url(), ALICE, "desk").await));
        denied(&serving.host.decision("desk").await?, class);
    }
    let here = "sources = [\"127.0.0.0/8\"]\nconnection-types = [\"STANDARD\", \"MQTT\"]";
    let serving = Serving::start(release, &bounded(here).await?).await?;
    log_in(&serving.url(), ALICE, "desk").await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn ceilings_clip_or_refuse(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let ceiling = |excess: &str| {
        format!(
            "[ceilings.accounts.APP]\npublish-allow = [\"roof.>\", \"$SYS.REQ.USER.INFO\"]\n\
             subscribe-allow = [\"roof.*\", \"_INBOX.>\"]\non-excess = \"{excess}\"\n"
        )
    };
    let clipping = serving(release, "", "", &ceiling("clip")).await?;
    let client = log_in(&clipping.url(), SENSOR, "roof").await?;
    let info = asked(&client, "$SYS.REQ.USER.INFO").await?;
    let allowed = |side: &str| {
        let subjects = info["data"]["permissions"][side]["allow"].as_array();
        let mut subjects: Vec<_> = subjects
            .into_iter()
            .flatten()
            .map(Value::to_string)
            .collect();
        subjects.sort();
        subjects.join(" ")
    };
    assert_eq!(allowed("publish"), "\"$SYS.REQ.USER.INFO\" \"roof.>\"");
    assert_eq!(allowed("subscribe"), "\"_INBOX.>\" \"roof.*\"");

    let refusing = serving(release, "", "", &ceiling("refuse")).await?;
    assert!(is_refused(&log_in(&refusing.url(), SENSOR, "roof").await));
    let decision = refusing.host.decision("roof").await?;
    denied(&decision, "ceiling-exceeded");
    assert_eq!(decision.text("denial.blame"), "guest");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn what_the_server_rejects_is_noticed_with_its_reason(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    // The server does not have this account, which only the server can know.
    let more = "account = \"NOWHERE\"";
    let site = site_with(release, &settings(&[alice(more).await?]))?;
    let server = site.start_server(Accounts::Several).await?;
    let config = site
        .host_config(&server.url(), "")
        .replace(r#"["APP"]"#, r#"["NOWHERE"]"#);
    let host = Host::spawn(&site.write_config("nowhere.toml", &config)?, &[])?;
    host.ready().await?;

    assert!(is_refused(&log_in(&server.url(), ALICE, "desk").await));

    let decision = host.decision("desk").await?;
    assert_eq!(decision.text("decision"), "permit");
    let rejected = host
        .wait_for("the rejection", |event| {
            event.says("permit rejected by the server")
        })
        .await?;
    assert!(
        rejected.text("server.reason").contains("NOWHERE"),
        "{rejected:?}"
    );
    assert_eq!(rejected.text("user_nkey"), decision.text("user_nkey"));
    assert_eq!(rejected.text("policy.name"), POLICY);
    let stats = asked(&observer(&server.url()).await?, "$SRV.STATS").await?;
    assert_eq!(stats["endpoints"][0]["data"]["permits_rejected"], 1);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn only_trusted_servers_are_answered(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let serving = serving(release, "", "trusted-server-tags = [\"prod\"]", "").await?;
    assert!(is_refused(&log_in(&serving.url(), ALICE, "desk").await));
    let refused = serving
        .host
        .wait_for("the refusal", |event| event.says("request refused"))
        .await?;
    assert!(
        refused.text("error").contains("trusted-server-tags"),
        "{refused:?}"
    );
    Ok(())
}

#[rstest]
#[tokio::test]
async fn several_connections_share_the_logins(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let users = [sensor("everything", "").await?];
    let site = site_with(release, &settings(&users))?;
    let server = site.start_server(Accounts::Several).await?;
    let config = site
        .host_config(&server.url(), "")
        .replace("[nats]", "[nats]\nconnections = 3");
    let mut host = Host::spawn(&site.write_config("three.toml", &config)?, &[])?;
    host.ready().await?;
    for number in 0..30 {
        log_in(&server.url(), SENSOR, &format!("sensor-{number}")).await?;
    }
    let client = observer(&server.url()).await?;
    let stats = asked(&client, "$SRV.STATS").await?;
    assert_eq!(stats["endpoints"][0]["num_requests"], 30);
    host.ask_to_stop().await?;
    assert_eq!(host.ended().await?, Some(0));
    Ok(())
}
