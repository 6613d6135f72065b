//! Connections: servers, retries, events and outages.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_nats::Client;
use futures::FutureExt as _;
use portcullis_connect::{
    AdditionalOptions, ConnectError, Connection, ConnectionOptions, Outage, Retries, connect,
};
use portcullis_harness::{Credentials, NatsServer, Release, Site, log_in};
use serde_json::{Value, json};

use super::recorder::{Events, Happened, recorder};

/// A server whose clients need no login, with a user of the system account.
const CONFIG: &str = "server_name: A\n\
     system_account: SYS\n\
     no_auth_user: app\n\
     accounts {\n\
     \x20 APP { users: [ { user: app, password: app-password } ] }\n\
     \x20 SYS { users: [ { user: system, password: system-password } ] }\n\
     }\n";

/// The name of connections in this module.
const NAME: &str = "orders";

/// Verifies that a dead server of the list does not matter, that the server shows the name, and
/// that the connection is made again after a loss.
pub(super) async fn servers(release: Release) -> Result<()> {
    let site = Site::create(release)?;
    let server = site.start_server_with(CONFIG).await?;
    let (connection, mut events) = connected(vec![nowhere()?, server.url()]).await?;
    let system = system(&server).await?;
    ensure!(find(&connections(&system).await?, NAME).is_some());
    let restart = server.stop().await?;
    events
        .wait_for(|event| matches!(event, Happened::Lost(_)))
        .await?;
    let _server = restart.await?;
    events
        .wait_for(|event| *event == Happened::Reconnected)
        .await?;
    connection.client().flush().await?;
    Ok(())
}

/// Verifies that ten retries are eleven attempts whose last error is kept, and that a service may
/// start before its server.
pub(super) async fn retries(release: Release) -> Result<()> {
    let options = ConnectionOptions {
        retries: Retries::Times(10),
        retry_delay: Duration::from_millis(1),
        ..ConnectionOptions::new(NAME, vec![nowhere()?])
    };
    let error = connect(&options).await.err().context("it connected")?;
    let ConnectError::MaxRetries { attempts, source } = error else {
        anyhow::bail!("{error}");
    };
    ensure!(attempts == 11, "{attempts}");
    ensure!(
        source.to_string().contains("Connection refused"),
        "{source}"
    );

    let site = Site::create(release)?;
    let server = site.start_server_with(CONFIG).await?;
    let url = server.url();
    let start = server.stop().await?;
    let (hooks, mut events) = recorder();
    let options = ConnectionOptions {
        retry_delay: Duration::from_millis(10),
        hooks,
        ..ConnectionOptions::new(NAME, vec![url])
    };
    let starts = async {
        events
            .wait_for(|event| matches!(event, Happened::Trouble(_)))
            .await?;
        start.await
    };
    let (connection, _server) = tokio::join!(connect(&options), starts);
    connection?;
    Ok(())
}

/// Verifies the events of a connection: the first one, a lame duck, a loss, a reconnect, the end.
pub(super) async fn hooks(release: Release) -> Result<()> {
    let site = Site::create(release)?;
    let server = site.start_server_with(CONFIG).await?;
    let (connection, mut events) = connected(vec![server.url()]).await?;
    ensure!(events.next().await?.0 == Happened::Connected);

    let system = system(&server).await?;
    let shown = connections(&system).await?;
    let shown = find(&shown, NAME).context("the server does not show it")?;
    let request = json!({ "cid": shown.get("cid") }).to_string();
    let id = system.server_info().server_id;
    let subject = format!("$SYS.REQ.SERVER.{id}.LDM");
    system.request(subject, request.into()).await?;
    events
        .wait_for(|event| *event == Happened::LameDuck)
        .await?;

    let restart = server.stop().await?;
    events
        .wait_for(|event| matches!(event, Happened::Lost(_)))
        .await?;
    let _server = restart.await?;
    events
        .wait_for(|event| *event == Happened::Reconnected)
        .await?;
    connection.client().drain().await?;
    events.wait_for(|event| *event == Happened::Closed).await
}

/// Verifies that the client library's own options come last.
pub(super) async fn additional(release: Release) -> Result<()> {
    let site = Site::create(release)?;
    let server = site.start_server_with(CONFIG).await?;
    let options = ConnectionOptions {
        additional: AdditionalOptions::new(|options| options.name("replaced")),
        ..ConnectionOptions::new(NAME, vec![server.url()])
    };
    let _connection = connect(&options).await?;
    let shown = connections(&system(&server).await?).await?;
    ensure!(find(&shown, "replaced").is_some() && find(&shown, NAME).is_none());
    Ok(())
}

/// Verifies that the watcher reports each of two outages once.
pub(super) async fn outages(release: Release) -> Result<()> {
    let site = Site::create(release)?;
    let mut server = site.start_server_with(CONFIG).await?;
    let (connection, mut events) = connected(vec![server.url()]).await?;
    let mut outages = connection.status().outages(Duration::from_millis(1));
    for _ in 0..2 {
        ensure!(outages.next().now_or_never().is_none(), "no outage yet");
        let restart = server.stop().await?;
        ensure!(outages.next().await == Some(Outage::Lasting));
        ensure!(outages.next().now_or_never().is_none(), "reported twice");
        server = restart.await?;
        events
            .wait_for(|event| *event == Happened::Reconnected)
            .await?;
    }
    Ok(())
}

/// Connects to `servers`. Returns the connection with its events.
async fn connected(servers: Vec<String>) -> Result<(Connection, Events)> {
    let (hooks, events) = recorder();
    let options = ConnectionOptions {
        hooks,
        ..ConnectionOptions::new(NAME, servers)
    };
    Ok((connect(&options).await?, events))
}

/// Returns an address at which no server listens.
pub(super) fn nowhere() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(format!("nats://{}", listener.local_addr()?))
}

async fn system(server: &NatsServer) -> Result<Client> {
    let credentials = Credentials::Password("system", "system-password");
    Ok(log_in(&server.url(), credentials, "system").await?)
}

/// Returns the connections that the server shows to `system`, with their user JWTs.
pub(crate) async fn connections(system: &Client) -> Result<Vec<Value>> {
    let subject = "$SYS.REQ.SERVER.PING.CONNZ";
    let answer = system.request(subject, r#"{"auth":true}"#.into()).await?;
    let mut answer: Value = serde_json::from_slice(&answer.payload)?;
    let connections = answer.pointer_mut("/data/connections").map(Value::take);
    let connections = connections.context("the server shows no connections")?;
    Ok(serde_json::from_value(connections)?)
}

/// Returns the connection named `name`.
pub(super) fn find<'a>(connections: &'a [Value], name: &str) -> Option<&'a Value> {
    connections
        .iter()
        .find(|shown| shown.get("name").is_some_and(|shown| shown == name))
}
