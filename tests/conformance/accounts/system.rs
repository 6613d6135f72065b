//! Events and services of the system account.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_nats::{Client, Event};
use futures::StreamExt as _;
use portcullis_harness::{Made, NatsServer, PATIENCE, Page, run_portcullis};
use portcullis_system::{
    EventFilter, EventKind, Events, Gathering, ServerFilter, StatszRequest, SystemClient,
    SystemEvent,
};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::logins::{Stage, TOKEN, user_rule};
use super::sessions;
use crate::stage::{expect_all, user_info};

/// The events of a server. Those that a caller has skipped are gone.
pub(super) struct Seen {
    events: Events<Client>,
    /// The client of the same connection.
    pub(super) system: SystemClient<Client>,
}

impl Seen {
    /// Logs in as the user of the system account, and listens.
    pub(super) async fn start(made: &Made, server: &NatsServer) -> Result<Self> {
        let system = SystemClient::new(made.system(server).await?).with_patience(PATIENCE);
        let filter = EventFilter {
            kinds: BTreeSet::from([EventKind::Connect, EventKind::Disconnect]),
            ..EventFilter::default()
        };
        let events = system.events(&filter).await?;
        Ok(Self { events, system })
    }

    /// Waits for the first event that `pick` accepts, and returns what `pick` returns.
    pub(super) async fn find<R>(
        &mut self,
        awaited: &str,
        mut pick: impl FnMut(&SystemEvent) -> Option<R>,
    ) -> Result<R> {
        let found = async {
            loop {
                let event = self.events.next().await.context("no more events")??;
                if let Some(found) = pick(&event) {
                    return Ok(found);
                }
            }
        };
        timeout(PATIENCE, found)
            .await
            .with_context(|| format!("no event: {awaited}"))?
    }

    /// Waits until the connection `name` is made, and returns the event.
    async fn connects(&mut self, name: &str) -> Result<SystemEvent> {
        self.find("the connect", |event| match event {
            SystemEvent::Connect(connect) => (connect.client.name == name).then(|| event.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until the connection `name` ends, and returns the event.
    async fn disconnects(&mut self, name: &str) -> Result<SystemEvent> {
        self.find("the disconnect", |event| match event {
            SystemEvent::Disconnect(end) => (end.client.name == name).then(|| event.clone()),
            _ => None,
        })
        .await
    }
}

/// Verifies that events add a session to the table with user and account, and take it out.
pub(super) async fn sessions_by_events(stage: &Stage) -> Result<()> {
    let mut seen = Seen::start(&stage.made, &stage.server).await?;
    let table = sessions::read_sessions(&seen.system).await;
    let mut table = table.map_err(|error| anyhow::anyhow!("{error}"))?;
    let before = table.clone();
    let desk = stage.options(TOKEN, "desk")?;
    let desk = desk.connect(stage.server.url()).await?;
    let connected = seen.connects("desk").await?;
    let SystemEvent::Connect(event) = &connected else {
        anyhow::bail!("{connected:?}");
    };
    ensure!(event.client.account == stage.key, "{event:?}");
    // Before 2.14.10 and 2.15.3, a connection has no tags.
    let policy = |tag: &String| tag.starts_with("policy:");
    let tags = &event.client.tags;
    ensure!(tags.is_empty() || tags.iter().any(policy), "{event:?}");
    sessions::apply(connected.clone(), &mut table).context("no change")?;
    ensure!(table.len() == before.len() + 1, "{table:?}");
    let user = table.values().find(|user| *user == "desk-user");
    ensure!(user.is_some(), "{table:?}");
    drop(desk);
    let left = seen.disconnects("desk").await?;
    sessions::apply(left, &mut table).context("no change")?;
    ensure!(table == before, "{table:?}");
    Ok(())
}

/// Verifies that a session hears of a lame duck, and that a kicked one comes back with the
/// permissions of the policy's new version.
pub(super) async fn kick(stage: &Stage) -> Result<()> {
    let mut seen = Seen::start(&stage.made, &stage.server).await?;
    let (sender, mut events) = mpsc::unbounded_channel();
    let options = stage
        .options(TOKEN, "kicked")?
        .event_callback(move |event| {
            // The receiver may have got all that it waits for.
            let _ = sender.send(event);
            async {}
        });
    let client = options.connect(stage.server.url()).await?;
    let SystemEvent::Connect(connect) = seen.connects("kicked").await? else {
        anyhow::bail!("not a connect");
    };
    let (server, cid) = (connect.server.server_id()?, connect.client.id);
    seen.system.lame_duck(&server, cid).await?;
    while events.recv().await.context("no lame duck")? != Event::LameDuckMode {}

    let allowed = ["orders.>", "$SYS.REQ.USER.INFO"];
    let info = user_info(&client).await?;
    expect_all(&info, "/permissions/publish/allow", &allowed)?;
    stage.put_rules(&[user_rule(&allowed[1..])]).await?;
    let kick = ["kick", server.as_str(), &cid.to_string(), "--json"];
    command(stage, &kick).await?;
    let SystemEvent::Disconnect(end) = seen.disconnects("kicked").await? else {
        anyhow::bail!("not a disconnect");
    };
    ensure!(end.reason == "Kicked", "{end:?}");
    seen.connects("kicked").await?;
    let info = user_info(&client).await?;
    expect_all(&info, "/permissions/publish/allow", &allowed[1..])
}

/// Verifies the services of the servers, with the client and with the commands on top of it.
pub(super) async fn services(stage: &Stage) -> Result<()> {
    let system = stage.made.system(&stage.server).await?;
    let system = SystemClient::new(system).with_patience(PATIENCE);
    let info = system.user_info().await?;
    ensure!(info.account == stage.made.account_key("SYS").await?);
    let one = Gathering::expecting(std::num::NonZeroUsize::MIN, PATIENCE);
    let all = ServerFilter::default();
    let gathered = system.ask_all(&StatszRequest {}, &all, one).await?;
    let reply = gathered.replies.into_iter().next().context("no server")?;
    let id = reply.server.server_id()?.to_string();
    ensure!(reply.result?.connections > 0);

    for verb in ["ping", "servers"] {
        let line = command(stage, &[verb, "--expect", "1", "--json"]).await?;
        let server = line.pointer("/server/id").and_then(Value::as_str);
        ensure!(server == Some(&id), "{line}");
    }
    let profile = stage.made.path("heap.pprof");
    let out = profile.display().to_string();
    command(stage, &["profile", &id, "heap", "--out", &out, "--json"]).await?;
    ensure!(std::fs::read(&profile)?.starts_with(&[0x1f, 0x8b]));
    command(stage, &["reload", &id, "--json"]).await?;
    Ok(())
}

/// Verifies that tools find the host by its name in the callout account, and that its pages tell
/// that it serves.
pub(super) async fn health(stage: &Stage) -> Result<()> {
    let observer = stage.made.path("observer.creds");
    let observer = stage.made.log_in(&stage.server, &observer).await?;
    let found = timeout(PATIENCE, observer.request("$SRV.PING", "".into())).await??;
    let found: Value = serde_json::from_slice(&found.payload)?;
    for field in ["name", "version", "id"] {
        let text = found.get(field).and_then(Value::as_str);
        ensure!(text.is_some_and(|text| !text.is_empty()), "{found}");
    }
    let served = stage.host.says("health served").await?;
    let address = served.text("health.address");
    for path in ["/healthz", "/readyz", "/metrics"] {
        let page = timeout(Duration::from_secs(20), Page::get(address, path, &[])).await??;
        ensure!(page.status == 200, "`{path}`: {page:?}");
    }
    Ok(())
}

/// Runs `portcullis system` with `--json`, and returns the only line.
async fn command(stage: &Stage, arguments: &[&str]) -> Result<Value> {
    let creds = stage.made.path("creds/system.creds").display().to_string();
    let url = stage.server.url();
    let own = ["--server", &url, "--creds", &creds];
    let finished = run_portcullis(&[&["system"], arguments, &own].concat(), "").await?;
    ensure!(finished.code == Some(0), "{arguments:?}: {finished:?}");
    Ok(serde_json::from_str(finished.stdout.trim())?)
}
