//! Login events: what an application's account hears of its logins.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_nats::Subscriber;
use futures::StreamExt;
use portcullis_harness::{
    Accounts, Credentials, Host, NatsServer, PolicyDirectory, Release, Site, hash, is_refused,
    log_in, run_portcullis,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{ALICE, POLICY, SENSOR, alice, sensor, settings, static_users, user};

/// The time after which an event counts as missing: far longer than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

const EVENTS: &str = "\
[records.events]
subject = \"portcullis.logins.{account}\"
address = true
denials = \"APP\"
";

/// Returns a site whose server exports the events of each account to it, as the reference says.
async fn site() -> Result<(Site, String)> {
    let site = Site::create(Release::Nats2_15)?;
    let password = format!("password = \"{}\"", hash("of-another-account", &[]).await?);
    let other = user("other", &password, "own", "account = \"OTHER\"");
    let settings = settings(&[alice("").await?, sensor("everything", "").await?, other]);
    site.policies
        .put_policy(POLICY, &static_users()?, &settings)?;
    let config = site
        .server_config(Accounts::Several, &site.keys.issuer.public_key())
        .replace("timeout: 5", "timeout: 1")
        .replace(
            "AUTH { ",
            "AUTH { exports: [ { stream: \"portcullis.logins.*\", account_token_position: 3 } ], ",
        )
        .replace(
            "APP {}",
            "APP { imports: [ { stream: { account: AUTH, subject: \"portcullis.logins.APP\" }, to: logins } ] }",
        );
    Ok((site, config))
}

/// Waits for the event about the client with this name.
async fn event_of(events: &mut Subscriber, client: &str) -> Result<Value> {
    let waiting = async {
        while let Some(message) = events.next().await {
            let event: Value = serde_json::from_slice(&message.payload)?;
            let text = |key| event.get(key).and_then(Value::as_str);
            assert_ne!(text("account"), Some("OTHER"), "{event}");
            if text("client") == Some(client) {
                return Ok(event);
            }
        }
        anyhow::bail!("the subscription ended")
    };
    let event = timeout(PATIENCE, waiting).await;
    event.with_context(|| format!("there is no event of `{client}`"))?
}

#[tokio::test]
async fn an_application_hears_of_the_logins_into_its_own_account() -> Result<()> {
    let (site, server_config) = site().await?;
    let server = site.start_server_with(&server_config).await?;
    let config = site.host_config(&server.url(), EVENTS);
    let config = config.replace("[\"APP\"]", "[\"APP\", \"OTHER\"]");
    let config = site.write_config("portcullis.toml", &config)?;
    let host = Host::spawn(&config, &[])?;
    host.decides().await?;

    let listener = log_in(&server.url(), SENSOR, "listener").await?;
    let mut events = listener.subscribe("logins").await?;
    listener.flush().await?;
    let other = Credentials::Password("other", "of-another-account");
    let other = log_in(&server.url(), other, "elsewhere").await?;
    let desk = log_in(&server.url(), ALICE, "desk").await?;
    let guess = Credentials::Password("alice", "a-wrong-guess");
    assert!(is_refused(&log_in(&server.url(), guess, "guess").await));

    let denied = event_of(&mut events, "guess").await?;
    assert_eq!(denied["outcome"], "denied");
    let admitted = event_of(&mut events, "desk").await?;
    let (id, time) = (admitted["id"].clone(), admitted["time"].clone());
    assert!(id.is_string() && time.is_string(), "{admitted}");
    let expected = json!({
        "format": 1,
        "id": id,
        "time": time,
        "account": "APP",
        "user": "alice",
        "verdict": "permit",
        "outcome": "admitted",
        "method": "password",
        "client": "desk",
        "server": "portcullis-tests",
        "address": "127.0.0.1",
    });
    assert_eq!(admitted, expected);
    drop((other, desk));
    Ok(())
}

#[rstest]
#[tokio::test]
async fn init_sets_up_what_events_need(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let home = tempfile::tempdir()?;
    let directory = home.path().to_string_lossy();
    let made = run_portcullis(&["init", &directory, "--login-events"], "").await?;
    ensure!(made.code == Some(0), "{made:?}");
    let server = NatsServer::start(release, &home.path().join("nats-server.conf")).await?;
    let users = settings(&[alice("").await?, sensor("everything", "").await?]);
    let policies = PolicyDirectory::create(home.path().join("policies"))?;
    policies.put_policy(POLICY, &static_users()?, &users)?;
    let config = home.path().join("portcullis.toml");
    let written = fs::read_to_string(&config)?;
    let written = written
        .replace("nats://127.0.0.1:4222", &server.url())
        .replace("127.0.0.1:9222", "127.0.0.1:0");
    fs::write(&config, written)?;
    let host = Host::spawn(&config, &[])?;
    host.decides().await?;

    let listener = log_in(&server.url(), SENSOR, "listener").await?;
    let mut events = listener.subscribe("logins").await?;
    listener.flush().await?;
    let _desk = log_in(&server.url(), ALICE, "desk").await?;

    let admitted = event_of(&mut events, "desk").await?;
    assert_eq!(admitted["account"], "APP");
    let log = host.log().all();
    let is_lacking = |message| log.iter().any(|event| event.says(message));
    assert!(!is_lacking("permission missing"), "{log:#?}");
    assert!(!is_lacking("nats server error"), "{log:#?}");
    Ok(())
}
