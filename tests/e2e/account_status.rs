//! The version of an account's JWT at each server of a cluster, with real servers.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use portcullis_harness::{Finished, Made, NatsServer, PATIENCE, Release};
use portcullis_system::{Gathering, IdzRequest, ServerFilter, SystemClient};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::timeout;

/// The exit codes of `account status`.
const CURRENT: Option<i32> = Some(0);
const NOT_CURRENT: Option<i32> = Some(75);
const MISSING: Option<i32> = Some(69);

/// A cluster of two servers, `n1` and `n2`, and a user of the account `APP`.
struct Cluster {
    made: Made,
    worker: PathBuf,
    n1: NatsServer,
    /// `None` while the server is stopped.
    n2: Option<NatsServer>,
}

impl Cluster {
    /// Starts the servers. `resolver` is that of `init`, and `n1` has the release `release`.
    async fn start(resolver: &str, release: Release, other: Release) -> Result<Self> {
        let made = Made::new(&["--resolver", resolver, "--oldest-server", "2.10.26"]).await?;
        let worker = made.path("worker.creds");
        let creds = worker.display();
        made.text(&format!("user add worker --account APP --creds {creds}"))
            .await?;
        let n1 = NatsServer::start(release, &write(&made, "n1", "")?).await?;
        let route = format!(
            "\"nats://127.0.0.1:{}\"",
            n1.port_for("route connections").await?
        );
        let n2 = NatsServer::start(other, &write(&made, "n2", &route)?).await?;
        let cluster = Self {
            made,
            worker,
            n1,
            n2: Some(n2),
        };
        cluster.joined().await?;
        Ok(cluster)
    }

    /// Waits until both servers answer requests to the first.
    async fn joined(&self) -> Result<()> {
        let system = SystemClient::new(self.made.system(&self.n1).await?);
        let both = Gathering::expecting(2.try_into()?, Duration::from_millis(100));
        let all = ServerFilter::default();
        let answered = async || {
            let gathered = system.ask_all(&IdzRequest {}, &all, both).await?;
            anyhow::Ok(gathered.replies.len())
        };
        timeout(PATIENCE, async {
            while answered().await? < 2 {}
            Ok(())
        })
        .await?
    }

    /// Logs the user in at a server, which loads the account.
    async fn log_in(&self, server: &NatsServer) -> Result<()> {
        let client = self.made.log_in(server, &self.worker).await?;
        Ok(client.flush().await?)
    }

    /// Logs the user in at `n2`.
    async fn log_in_at_n2(&self) -> Result<()> {
        self.log_in(self.n2.as_ref().context("`n2` is stopped")?)
            .await
    }

    /// Returns the arguments of commands that talk to the first server.
    fn servers(&self) -> String {
        let creds = self.made.path("creds/system.creds");
        format!("--server {} --creds {}", self.n1.url(), creds.display())
    }

    async fn run(&self, command: &str) -> Result<Finished> {
        let line = format!("{command} {}", self.servers());
        self.made.run(&line).await
    }

    /// Verifies the versions of `n1` and `n2`, and the exit code.
    async fn has(&self, versions: &[&str], code: Option<i32>) -> Result<Value> {
        let expected = versions.len();
        let command = format!("account status APP --json --wait 1m --expect {expected}");
        let finished = self.run(&command).await?;
        let shown: Value = serde_json::from_str(&finished.stdout)
            .with_context(|| format!("no report: {finished:?}"))?;
        let servers = shown.get("servers").and_then(Value::as_array);
        let servers = servers.context("no servers")?.iter();
        let found: Vec<_> = servers
            .map(|server| server.get("version").and_then(Value::as_str))
            .collect();
        let versions: Vec<_> = versions.iter().copied().map(Some).collect();
        ensure!(found == versions && finished.code == code, "{finished:?}");
        Ok(shown)
    }

    /// Has the servers load the account, and verifies their versions.
    async fn loads(&self, versions: &[&str]) -> Result<()> {
        let expected = versions.len();
        let command = format!("account status APP --load --wait 1m --expect {expected}");
        let finished = self.run(&command).await?;
        ensure!(finished.code == CURRENT, "{finished:?}");
        self.has(versions, CURRENT).await?;
        Ok(())
    }

    async fn push(&self) -> Result<()> {
        let pushed = self.run("account push APP").await?;
        ensure!(pushed.code == Some(0), "{pushed:?}");
        Ok(())
    }
}

/// Writes the configuration of a server in the cluster, with a directory of its own for JWTs.
fn write(made: &Made, name: &str, routes: &str) -> Result<PathBuf> {
    let text = fs::read_to_string(made.path("nats-server.conf"))?;
    let text = text.replace("/jwt\"", &format!("/jwt-{name}\""));
    let file = made.path(&format!("{name}.conf"));
    let cluster =
        format!("cluster {{ name: one, listen: \"127.0.0.1:-1\", routes: [ {routes} ] }}\n");
    fs::write(&file, format!("{text}\nserver_name: {name}\n{cluster}"))?;
    Ok(file)
}

#[rstest]
#[case(Release::Nats2_15, Release::Nats2_10)]
#[case(Release::Nats2_10, Release::Nats2_15)]
#[tokio::test]
async fn a_key_stays_until_each_server_has_its_successor(
    #[case] release: Release,
    #[case] other: Release,
) -> Result<()> {
    let mut cluster = Cluster::start("memory", release, other).await?;
    cluster.has(&["none", "none"], NOT_CURRENT).await?;
    let accepted = cluster
        .run("account status APP --expect 2 --wait 1m --allow-none")
        .await?;
    assert_eq!(accepted.code, CURRENT, "{accepted:?}");
    cluster.loads(&["current", "current"]).await?;

    // The second server misses the rotation, and starts again with what it had.
    let shown = cluster.made.text("account describe APP --json").await?;
    let shown: Value = serde_json::from_str(&shown)?;
    let key = &shown["claims"]["nats"]["signing_keys"][0];
    let key = key.as_str().context("no signing key")?.to_owned();
    let n2 = cluster.n2.take().context("no server")?.stop().await?;
    let begun = cluster
        .made
        .text(&format!("account rotate APP {key}"))
        .await?;
    assert!(begun.contains("portcullis account status APP"), "{begun}");
    let shown = cluster.has(&["older"], NOT_CURRENT).await?;
    let issued = |value: &Value| value["issued_at"].as_u64().context("no time");
    assert!(issued(&shown["servers"][0])? < issued(&shown)?, "{shown:#}");
    cluster.push().await?;
    cluster.has(&["current"], CURRENT).await?;
    let missing = cluster
        .run("account status APP --expect 2 --wait 200ms")
        .await?;
    assert_eq!(missing.code, MISSING, "{missing:?}");
    assert!(
        missing.stdout.contains("1 of 2 servers answered"),
        "{missing:?}"
    );

    cluster.n2 = Some(n2.await?);
    cluster.joined().await?;
    cluster.log_in_at_n2().await?;
    cluster.has(&["current", "older"], NOT_CURRENT).await?;
    let behind = cluster
        .run("account status APP --expect 2 --wait 1m")
        .await?;
    let named = "without the stored version of `APP`: `n2` (1 of 2 servers that answered)";
    assert!(behind.stdout.contains(named), "{behind:?}");
    let finish = format!("account rotate APP {key} --finish --expect 2 --wait 1m");
    let finished = cluster.run(&finish).await?;
    assert_eq!(finished.code, NOT_CURRENT, "{finished:?}");
    assert!(finished.stderr.contains("`n2`"), "{finished:?}");

    cluster.push().await?;
    cluster.has(&["current", "current"], CURRENT).await?;
    let finished = cluster.run(&finish).await?;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    cluster.has(&["older", "older"], NOT_CURRENT).await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn servers_with_a_resolver_of_their_own_have_what_they_store() -> Result<()> {
    let mut cluster = Cluster::start("full", Release::Nats2_15, Release::Nats2_10).await?;
    // No user of the account has logged in.
    cluster.has(&["stored", "stored"], CURRENT).await?;
    cluster.made.text("account edit APP --tag a").await?;
    cluster.has(&["older", "older"], NOT_CURRENT).await?;
    let n2 = cluster.n2.take().context("no server")?.stop().await?;
    cluster.push().await?;
    cluster.has(&["stored"], CURRENT).await?;
    // The second server starts again with the version before. No answer says which one has it.
    cluster.n2 = Some(n2.await?);
    cluster.joined().await?;
    let shown = cluster.has(&["unknown", "unknown"], NOT_CURRENT).await?;
    assert_ne!(shown["servers"][0]["error"], json!(null), "{shown:#}");
    cluster.log_in(&cluster.n1).await?;
    cluster.has(&["current", "older"], NOT_CURRENT).await?;
    cluster.push().await?;
    cluster.has(&["current", "stored"], CURRENT).await?;
    cluster.loads(&["current", "current"]).await?;
    Ok(())
}
