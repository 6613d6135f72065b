//! Hosts of one account that differ.

use anyhow::Result;
use portcullis_harness::{Accounts, Host, PolicyDirectory};

use super::{doctor, site};
use crate::support::{POLICY, put_sensor, sensor, settings};

#[tokio::test]
async fn hosts_that_differ_are_found() -> Result<()> {
    let site = site()?;
    put_sensor(&site.policies).await?;
    let server = site.start_server(Accounts::Several).await?;
    let first = site.start_host(&server).await?;
    let second = PolicyDirectory::create(site.path().join("second"))?;
    put_sensor(&second).await?;
    let other = settings(&[sensor("mute", "").await?]);
    second.put_settings(POLICY, &other)?;
    let config = site.host_config(&server.url(), "state-directory = \"second-state\"\n");
    let config = config.replace("directory = \"policies\"", "directory = \"second\"");
    let second = Host::spawn(&site.write_config("second.toml", &config)?, &[])?;
    first.decides().await?;
    second.decides().await?;

    let report = doctor(&site, &[], &[]).await?;

    assert!(report.codes().contains(&"hosts-differ"), "{report:#?}");
    assert_eq!(report.code, Some(86), "{report:#?}");
    Ok(())
}
