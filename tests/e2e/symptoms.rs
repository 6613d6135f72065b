//! Symptoms that are told by `portcullis doctor` with the right cause.

use std::fs;

use anyhow::{Result, ensure};
use portcullis_harness::{Accounts, Host, NatsServer, Release, Site};
use tokio::process::Command;

use crate::doctor::{configure, doctor};
use crate::support::put_sensor;

fn site() -> Result<Site> {
    Site::create(Release::Nats2_15)
}

/// Stops the process of a server without ending it.
async fn hang(server: &NatsServer) -> Result<()> {
    let id = server.id()?.to_string();
    let stopped = Command::new("kill").args(["-STOP", &id]).status().await?;
    ensure!(stopped.success(), "cannot stop process {id}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_hangs_is_not_taken_for_one_that_waits_for_tls() -> Result<()> {
    let site = site()?;
    let server = site.start_server(Accounts::Several).await?;
    configure(&site, &server, |config| {
        config.replace("[nats]\n", "[nats]\nconnect-timeout = \"1s\"\n")
    })?;
    hang(&server).await?;

    let report = doctor(&site, &["--fix"], &[]).await?;

    assert_eq!(report.codes(), ["server-unreachable"], "{report:#?}");
    let finding = report.finding("server-unreachable");
    assert!(finding.contains("says nothing"), "{finding}");
    assert_eq!(report.fixes(), 0, "{report:#?}");
    Ok(())
}

#[tokio::test]
async fn a_server_without_room_is_not_taken_for_one_with_another_certificate() -> Result<()> {
    let site = site()?;
    put_sensor(&site.policies).await?;
    let config = site.server_config(Accounts::Several, &site.keys.issuer.public_key());
    let server = site
        .start_server_with(&format!("{config}\nmax_connections: 2\n"))
        .await?;
    // The host takes both places.
    let host = site.start_host(&server).await?;
    configure(&site, &server, |config| config)?;

    let report = doctor(&site, &[], &[]).await?;

    let finding = report.finding("session-failed");
    assert!(
        finding.contains("maximum connections exceeded"),
        "{report:#?}"
    );
    assert!(!report.codes().contains(&"tls-failed"), "{report:#?}");
    drop(host);
    Ok(())
}

#[tokio::test]
async fn places_of_records_that_take_none_are_found() -> Result<()> {
    let site = site()?;
    let server = site.start_server(Accounts::Buckets).await?;
    // A file stands where the folder of the records belongs.
    fs::write(site.path().join("records"), "")?;
    configure(&site, &server, |config| {
        format!(
            "{config}\n[records.file]\npath = \"records/decisions.jsonl\"\n\
             [records.stream]\nsubject = \"decisions\"\n"
        )
    })?;

    let report = doctor(&site, &[], &[]).await?;

    assert_eq!(
        report.codes(),
        ["records-unwritable", "records-stream-missing"],
        "{report:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn two_hosts_with_one_state_directory_are_found() -> Result<()> {
    let site = site()?;
    put_sensor(&site.policies).await?;
    let server = site.start_server(Accounts::Several).await?;
    let first = site.start_host(&server).await?;
    first.decides().await?;
    let pages = "[health]\nlisten = \"127.0.0.1:0\"\n";
    let config = site.write_config("second.toml", &site.host_config(&server.url(), pages))?;
    let second = Host::spawn(&config, &[])?;
    second.ready().await?;
    let health = second.says("health served").await?;
    let address = health.text("health.address");
    configure(&site, &server, |config| {
        format!("{config}\n[health]\nlisten = \"{address}\"\n")
    })?;

    let report = doctor(&site, &[], &[]).await?;

    let finding = report.finding("host-impaired");
    for part in ["portcullis_state_directory_usable", "another host uses it"] {
        assert!(finding.contains(part), "{report:#?}");
    }
    Ok(())
}
