//! A lock of a policy, and users of the exchange: their user JWTs have tags that servers show.

use std::fs;

use anyhow::{Context as _, Result};
use async_nats::ConnectOptions;
use async_nats::jetstream::{self, kv};
use portcullis_harness::{
    Answer, Host, NatsServer, Operator, Release, Resolver, Site, Wire, run_portcullis,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{BUCKET, kicked};
use crate::support::{POLICY, SENSOR_TOKEN, sensor_site};

/// Returns an operator whose account `LOCKS` has the bucket of locks.
pub(crate) fn operator(site: &Site) -> Result<Operator> {
    let mut operator = Operator::new(&["APP", "LOCKS"])?;
    operator.account_mut("LOCKS")?.use_jetstream();
    operator.write(site.path())?;
    let write = |name: &str, text: String| fs::write(site.path().join(name), text);
    write(
        "system.creds",
        operator.system.user("admin")?.credentials()?,
    )?;
    let keeper = operator.account("LOCKS")?.user("keeper")?;
    write("keeper.creds", keeper.credentials()?)?;
    write("sensor.token", SENSOR_TOKEN.to_owned())?;
    Ok(operator)
}

/// Starts a server of the operator, with the bucket of locks.
pub(crate) async fn start_server(site: &Site, operator: &Operator) -> Result<NatsServer> {
    let store = site.path().join("jetstream");
    let streams = format!("jetstream {{ store_dir: \"{}\" }}\n", store.display());
    let config = operator.server_config(Resolver::Memory, site.path(), &streams)?;
    let server = site.start_server_with(&config).await?;
    make_bucket(site, &server).await?;
    Ok(server)
}

/// Returns the tables of a host that follows the bucket.
pub(crate) fn tables(server: &NatsServer) -> String {
    format!(
        "[key-value]\nbuckets = [\"{BUCKET}\"]\nlocks = \"{BUCKET}\"\n\
         [key-value.nats]\nservers = [\"{}\"]\ncreds-file = \"keeper.creds\"\n",
        server.url()
    )
}

async fn make_bucket(site: &Site, server: &NatsServer) -> Result<()> {
    let keeper = ConnectOptions::with_credentials_file(site.path().join("keeper.creds")).await?;
    let bucket = kv::Config {
        bucket: BUCKET.to_owned(),
        ..kv::Config::default()
    };
    let keeper = keeper.connect(server.url()).await?;
    jetstream::new(keeper).create_key_value(bucket).await?;
    Ok(())
}

/// Runs a command in which `@` stands for the folder of the site.
async fn run(site: &Site, command: &[&str]) -> Result<String> {
    let folder = site.path().to_string_lossy();
    let arguments: Vec<_> = command.iter().map(|it| it.replace('@', &folder)).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let finished = run_portcullis(&arguments, "").await?;
    anyhow::ensure!(finished.code == Some(0), "{finished:?}");
    Ok(finished.stdout)
}

#[rstest]
#[tokio::test]
async fn a_lock_of_a_policy_closes_the_connections_of_exchanged_users(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let operator = operator(&site)?;
    let server = start_server(&site, &operator).await?;
    let tables = format!("[exchange]\nlisten = \"127.0.0.1:0\"\n{}", tables(&server));
    let config = operator.host_config(&server.url(), &tables);
    let host = Host::spawn(&site.write_config("portcullis.toml", &config)?, &[])?;
    host.says("key-value bucket synchronised").await?;
    let address = host.says("tokens exchanged").await?;
    let url = format!("http://{}", address.text("exchange.address"));
    let token = ["--token-file", "@/sensor.token", "--out", "@/user.creds"];
    run(
        &site,
        &[&["token", "get", "--exchange", &url], &token[..]].concat(),
    )
    .await?;

    let exchanged = ConnectOptions::with_credentials_file(site.path().join("user.creds")).await?;
    let _exchanged = exchanged.name("exchanged").connect(server.url()).await?;
    let presented = json!({ "jwt": operator.sentinel.jwt(), "auth_token": SENSOR_TOKEN });
    let mut by_callout = Wire::open(server.port()).await?;
    let answer = by_callout.log_in(&presented).await?;
    assert_eq!(answer, Answer::Admitted);

    let add = [
        "lock", "add", "--policy", POLICY, "--reason", "test", "--json",
    ];
    let login = [
        "--config",
        "@/portcullis.toml",
        "--system-creds",
        "@/system.creds",
    ];
    let report = run(&site, &[&add[..], &login].concat()).await?;

    let report: Value = serde_json::from_str(&report)?;
    assert_eq!(kicked(&report), ["exchanged"], "{report:#}");
    // Servers show no tag of a user of the callout, and none of a user that no policy placed.
    let unclear = report["not_told_apart"].as_u64().context("no number")?;
    assert!(unclear >= 1, "{report:#}");
    Ok(())
}
