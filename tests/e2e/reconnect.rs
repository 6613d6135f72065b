//! Connections to servers, and their loss: retries, delays, several servers, and changed
//! credentials.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context, Result};
use async_nats::Client;
use portcullis_harness::{
    Accounts, Credentials, Host, NatsServer, Operator, Release, Resolver, Site, log_in, unix_now,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{Instant, timeout_at};

use crate::support::{SENSOR, sensor_site};

/// The exit code of a host that gave up.
const EXIT_UNREACHABLE: Option<i32> = Some(69);

/// Returns an address without a listener.
fn nowhere() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(format!("nats://{}", listener.local_addr()?))
}

/// Returns `config` with `lines` in the table `nats`.
fn with_nats(config: &str, lines: &str) -> String {
    config.replacen("[nats]\n", &format!("[nats]\n{lines}\n"), 1)
}

/// Logs in repeatedly until a login succeeds.
async fn log_in_by(deadline: Instant, server: &NatsServer) -> Result<Client> {
    let login = async {
        loop {
            if let Ok(client) = log_in(&server.url(), SENSOR, "roof").await {
                return client;
            }
        }
    };
    timeout_at(deadline, login)
        .await
        .context("no login works in time")
}

/// Returns the server's list of connections.
async fn connections(client: &Client) -> Result<Vec<Value>> {
    let answer = client
        .request("$SYS.REQ.SERVER.PING.CONNZ", "".into())
        .await?;
    let answer: Value = serde_json::from_slice(&answer.payload)?;
    let connections = answer.pointer("/data/connections");
    Ok(connections
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default())
}

/// Starts a server, and logs in a client of the system account.
async fn observed_server(site: &Site) -> Result<(NatsServer, Client)> {
    let issuer = site.keys.issuer.public_key();
    let callout = site.keys.callout.public_key();
    let server = site
        .start_server_with(&format!(
            "server_name: portcullis-tests\n\
             system_account: SYS\n\
             accounts {{\n  AUTH {{ users: [ {{ nkey: {callout} }} ] }}\n  APP {{}}\n  \
             SYS {{ users: [ {{ user: system, password: system-password }} ] }}\n}}\n\
             authorization {{\n  timeout: 5\n  auth_callout {{ issuer: {issuer}, account: AUTH, auth_users: [ {callout}, system ] }}\n}}\n"
        ))
        .await?;
    let credentials = Credentials::Password("system", "system-password");
    let system = log_in(&server.url(), credentials, "system").await?;
    Ok((server, system))
}

#[rstest]
#[tokio::test]
async fn a_server_that_is_away_does_not_keep_the_host_from_the_others(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let (server, system) = observed_server(&site).await?;
    let both = format!("{}\", \"{}", nowhere()?, server.url());
    let config = with_nats(&site.host_config(&both, ""), "name = \"gate-keeper\"");
    let host = site.spawn_host_with(&config)?;
    host.ready().await?;

    log_in(&server.url(), SENSOR, "roof").await?;

    let connections = connections(&system).await?;
    let mut names: Vec<_> = connections
        .iter()
        .filter_map(|connection| connection.get("name")?.as_str())
        .filter(|name| name.starts_with("gate-keeper"))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["gate-keeper-1", "gate-keeper-2"]);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn logins_work_again_within_seven_seconds_of_the_servers_return(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = site.start_server(Accounts::Several).await?;
    // The default delays of a configuration.
    let config = site.host_config(&server.url(), "");
    let config = config
        .replace("reconnect-wait = \"50ms\"\n", "")
        .replace("reconnect-jitter = \"0s\"\n", "");
    let host = site.spawn_host_with(&with_nats(&config, "connections = 1"))?;
    host.ready().await?;
    let connected = host
        .wait_for("the connection", |event| event.says("nats connected"))
        .await?;

    let start_again = server.stop().await?;
    let lost = host
        .wait_for("the loss", |event| event.says("nats disconnected"))
        .await?;
    let server = start_again.await?;
    let back = Instant::now();
    // Logins before this are refused, and some clients give up after two refusals.
    let again = host.wait_for("the return", |event| event.says("nats reconnected"));
    let again = timeout_at(back + Duration::from_secs(3), again).await;
    let again = again.context("the host is not back in time")??;
    let client = log_in_by(back + Duration::from_secs(7), &server).await?;

    for event in [&connected, &lost, &again] {
        assert_eq!(event.text("nats.connection"), "portcullis");
        let address = format!("127.0.0.1:{}", server.port());
        assert_eq!(event.text("nats.address"), address, "{event:?}");
    }
    assert_eq!(again.number("nats.reconnects"), Some(1));
    assert_eq!(
        lost.text("nats.server.id"),
        connected.text("nats.server.id")
    );
    // The server has a new id at every start, and the log has the current one.
    let id = client.server_info().server_id;
    assert_eq!(again.text("nats.server.id"), id);
    assert_ne!(connected.text("nats.server.id"), id);
    Ok(())
}

#[tokio::test]
async fn a_host_that_may_not_try_for_ever_gives_up_with_the_last_error() -> Result<()> {
    let site = sensor_site(Release::Nats2_15).await?;
    let address = nowhere()?;
    let config = site.host_config(&address, "");
    let config = config.replace("retry-delay = \"50ms\"", "retry-delay = \"100ms\"");
    let mut host =
        site.spawn_host_with(&with_nats(&config, "connections = 1\nconnect-retries = 10"))?;

    assert_eq!(host.ended().await?, EXIT_UNREACHABLE);

    let log = host.log().all();
    let failures = log
        .iter()
        .filter(|event| event.says("nats connection failed"));
    assert_eq!(failures.count(), 1, "said once, whatever the attempts");
    let last = log.last().context("the host said nothing")?;
    assert!(last.says("cannot serve"), "{last:?}");
    let address = address.trim_start_matches("nats://");
    for part in ["at attempt 11:", address, "Connection refused"] {
        assert!(last.text("error").contains(part), "{last:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_refused_login_is_named_and_counts_as_an_attempt() -> Result<()> {
    let site = sensor_site(Release::Nats2_15).await?;
    let stranger = Site::create(Release::Nats2_15)?;
    let server = stranger.start_server(Accounts::NoCallout).await?;
    let config = site.host_config(&server.url(), "");
    let mut host =
        site.spawn_host_with(&with_nats(&config, "connections = 1\nconnect-retries = 1"))?;

    assert_eq!(host.ended().await?, EXIT_UNREACHABLE);

    let log = host.log().all();
    let refusals = log.iter().filter(|event| event.says("nats login refused"));
    assert_eq!(refusals.count(), 1, "said once, whatever the attempts");
    let last = log.last().context("the host said nothing")?;
    assert!(last.text("error").contains("refuses the login"), "{last:?}");
    Ok(())
}

#[tokio::test]
async fn a_host_that_waits_for_its_server_can_be_stopped() -> Result<()> {
    let site = sensor_site(Release::Nats2_15).await?;
    let mut host = site.spawn_host_with(&site.host_config(&nowhere()?, ""))?;
    host.wait_for("a failed attempt", |event| {
        event.says("nats connection failed")
    })
    .await?;

    host.ask_to_stop().await?;

    assert_eq!(host.ended().await?, Some(0));
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_lame_duck_is_noticed(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let (server, system) = observed_server(&site).await?;
    let host = site.spawn_host(&server, "")?;
    host.ready().await?;
    let connections = connections(&system).await?;
    let named = |connection: &&Value| connection.get("name") == Some(&json!("portcullis-1"));
    let connection = connections
        .iter()
        .find(named)
        .context("no connection of the host")?;
    let id = system.server_info().server_id;
    let request = json!({ "cid": connection.get("cid") }).to_string();

    system
        .request(format!("$SYS.REQ.SERVER.{id}.LDM"), request.into())
        .await?;

    let event = host
        .wait_for("the lame duck", |event| {
            event.says("nats server enters lame duck mode")
        })
        .await?;
    assert_eq!(event.text("nats.server.id"), id);
    Ok(())
}

/// Starts two servers and a host that knows both, with a changed configuration. Returns the host,
/// and the servers: that of its connection first.
async fn between_two_servers(
    site: &Site,
    change: impl FnOnce(&str) -> String,
) -> Result<(Host, [NatsServer; 2])> {
    let (first, second) = (
        site.start_server(Accounts::Several).await?,
        site.start_server(Accounts::Several).await?,
    );
    let both = format!("{}\", \"{}", first.url(), second.url());
    let host = site.spawn_host_with(&change(&site.host_config(&both, "")))?;
    host.ready().await?;
    let connected = host
        .wait_for("the connection", |event| event.says("nats connected"))
        .await?;
    let is_on_first = connected
        .text("nats.address")
        .ends_with(&format!(":{}", first.port()));
    let servers = if is_on_first {
        [first, second]
    } else {
        [second, first]
    };
    Ok((host, servers))
}

/// Checks that the host reconnects to `other`, and that a login succeeds there.
async fn goes_on_with(host: &Host, other: &NatsServer) -> Result<()> {
    let again = host
        .wait_for("the other server", |event| event.says("nats reconnected"))
        .await?;
    assert_eq!(
        again.text("nats.address"),
        format!("127.0.0.1:{}", other.port())
    );
    log_in_by(Instant::now() + Duration::from_mins(1), other).await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_server_that_is_given_up_is_exchanged_for_another(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    // A delay longer than the test: the host must try the other server without a delay.
    let patient =
        |config: &str| config.replace("reconnect-wait = \"50ms\"", "reconnect-wait = \"1h\"");
    let (host, [lost, other]) = between_two_servers(&site, patient).await?;
    // Even if this connection was short, the host does not wait: only a second short one in a row
    // causes a delay.
    drop(lost.stop().await?);

    goes_on_with(&host, &other).await
}

/// Covers a server whose machine lost its power: no end of the connection reaches the host.
#[tokio::test]
async fn a_server_that_hangs_is_exchanged_for_another() -> Result<()> {
    let site = sensor_site(Release::Nats2_15).await?;
    let attentive = |config: &str| with_nats(config, "ping-interval = \"200ms\"");
    let (host, [hung, other]) = between_two_servers(&site, attentive).await?;
    let id = hung.id()?.to_string();
    let stopped = Command::new("kill").args(["-STOP", &id]).status().await?;
    assert!(stopped.success());

    goes_on_with(&host, &other).await
}

/// Covers credentials that expired and that no operator renews.
#[rstest]
#[tokio::test]
async fn refusals_of_expired_credentials_are_summed_up(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = Site::create(release)?;
    let operator = Operator::new(&["APP"])?;
    operator.write(site.path())?;
    let server_config = operator.server_config(Resolver::Memory, site.path(), "")?;
    let server = site.start_server_with(&server_config).await?;
    let expired = operator
        .callout
        .renew(&operator.service, "expired", unix_now() - 60)?;
    let file = site.path().join("keys/service.creds");
    fs::write(file, expired.credentials()?)?;

    let config = operator.host_config(&server.url(), "");
    let config = site.write_config("portcullis.toml", &config)?;
    let host = Host::spawn(&config, &["--log-level", "info"])?;
    let repeated = host.says("nats trouble goes on").await?;

    assert!(repeated.number("nats.times") > Some(1), "{repeated:?}");
    let log = host.log().all();
    let errors: Vec<_> = log
        .iter()
        .filter(|event| event.text("level") == "ERROR")
        .collect();
    let [refused] = errors[..] else {
        panic!("not one error: {errors:#?}");
    };
    assert!(refused.says("nats login refused"), "{refused:?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn credentials_that_are_replaced_are_used_without_a_restart(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = Site::create(release)?;
    let operator = Operator::new(&["APP"])?;
    operator.write(site.path())?;
    let server_config = operator.server_config(Resolver::Memory, site.path(), "")?;
    let server = site.start_server_with(&server_config).await?;
    let file = site.path().join("keys/service.creds");
    let user_named = |name: &str, lifetime| {
        let renewed = operator
            .callout
            .renew(&operator.service, name, unix_now() + lifetime)?;
        renewed.credentials()
    };
    fs::write(&file, user_named("short", 4)?)?;
    let mut host = site.spawn_host_with(&operator.host_config(&server.url(), ""))?;
    host.ready().await?;

    // An incomplete file, as a reader sees it during a write: the host must keep the earlier
    // credentials.
    let renewed = user_named("long", 3600)?;
    fs::write(&file, renewed.split_at(renewed.len() / 3).0)?;
    let lost = host
        .wait_for("the end of the short one", |event| {
            event.says("nats disconnected")
        })
        .await?;
    assert!(lost.text("error").contains("Expired"), "{lost:?}");
    let stale = host
        .wait_for("the half file", |event| {
            event.says("nats credentials not renewed: those read before are used")
        })
        .await?;
    assert!(stale.text("error").contains("service.creds"), "{stale:?}");
    host.wait_for("the refusal", |event| event.says("nats login refused"))
        .await?;

    // In its last second, the short JWT may have been accepted several times.
    let mark = host.log().len();
    fs::write(&file, &renewed)?;
    host.wait_from(mark, "the return", |event| event.says("nats reconnected"))
        .await?;
    assert!(host.is_running()?);
    for event in host.log().all() {
        assert!(!event.line().contains("eyJ0"), "a JWT is in {event:?}");
    }
    let system = operator.system.user("admin")?.credentials()?;
    let system = async_nats::ConnectOptions::with_credentials(&system)?
        .connect(server.url())
        .await?;
    // The first reconnect may still have used the short JWT in its last second.
    let renewed_is_in = async {
        loop {
            let answer = system
                .request("$SYS.REQ.SERVER.PING.CONNZ", r#"{"auth":true}"#.into())
                .await?;
            let answer: Value = serde_json::from_slice(&answer.payload)?;
            let connections = answer
                .pointer("/data/connections")
                .and_then(Value::as_array);
            let is_renewed = |connection: &Value| {
                let jwt = connection.get("jwt").and_then(Value::as_str);
                jwt.is_some_and(|jwt| renewed.contains(jwt))
            };
            if connections.is_some_and(|connections| connections.iter().any(is_renewed)) {
                return anyhow::Ok(());
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), renewed_is_in)
        .await
        .context("the host is not there with the renewed credentials")??;
    Ok(())
}
