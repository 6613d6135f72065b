//! A stream of records in another account than the callout's.

use anyhow::Result;
use portcullis_harness::{Host, Release, log_in, run_portcullis};

use crate::doctor::doctor;
use crate::support::{ALICE, alice, audit_tables, audited_server, settings, site_with};

#[tokio::test]
async fn a_stream_can_be_in_an_account_of_its_own() -> Result<()> {
    let settings = settings(&[alice("").await?]);
    let site = site_with(Release::Nats2_15, &settings)?;
    let server = audited_server(&site).await?;
    let tables = audit_tables(&server.url());
    let config_text = site.host_config(&server.url(), &tables);
    let config = site.write_config("portcullis.toml", &config_text)?;
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

    // A user who may not list streams is a finding, as in the callout account.
    let narrow = config_text.replace("user = \"auditor\"", "user = \"narrow\"");
    site.write_config("portcullis.toml", &narrow)?;
    let report = doctor(&site, &[], &[]).await?;
    let finding = report.finding("permission-missing");
    for part in [
        "the user of [records.stream.nats] may not publish `$JS.hub.API.STREAM.NAMES`",
        "notice that no stream captures decision records",
    ] {
        assert!(finding.contains(part), "{finding}");
    }
    Ok(())
}
