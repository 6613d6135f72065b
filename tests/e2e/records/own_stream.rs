//! A stream of records in another account than the callout's.

use anyhow::Result;
use portcullis_harness::{Host, Release, log_in, run_portcullis};

use crate::support::{ALICE, alice, audit_tables, audited_server, settings, site_with};

#[tokio::test]
async fn a_stream_can_be_in_an_account_of_its_own() -> Result<()> {
    let settings = settings(&[alice("").await?]);
    let site = site_with(Release::Nats2_15, &settings)?;
    let server = audited_server(&site).await?;
    let tables = audit_tables(&server.url());
    let config = site.host_config(&server.url(), &tables);
    let config = site.write_config("portcullis.toml", &config)?;
    let host = Host::spawn(&config, &[])?;
    host.decides().await?;
    let desk = log_in(&server.url(), ALICE, "desk").await?;

    // The command reads where the host writes.
    let config = config.display().to_string();
    let arguments = ["decisions", "follow", "--count", "1", "--config", &config];
    let followed = run_portcullis(&arguments, "").await?;
    assert!(followed.stdout.contains("admitted"), "{followed:?}");
    let listed = run_portcullis(&["decisions", "list", "--config", &config], "").await?;
    assert!(listed.stdout.contains("alice"), "{listed:?}");
    drop(desk);
    Ok(())
}
