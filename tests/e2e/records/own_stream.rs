//! A stream of records in another account than the callout's.

use std::fs;

use anyhow::Result;
use async_nats::ConnectOptions;
use async_nats::jetstream::{self, stream};
use portcullis_harness::{Accounts, Host, Release, Site, log_in, run_portcullis};

use crate::support::{ALICE, POLICY, alice, settings, static_users};

#[tokio::test]
async fn a_stream_can_be_in_an_account_of_its_own() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let settings = settings(&[alice("").await?]);
    site.policies
        .put_policy(POLICY, &static_users()?, &settings)?;
    let audit = "APP {}\n  AUDIT { jetstream: enabled, \
                 users: [ { user: auditor, password: of-the-auditor } ] }";
    let config = site
        .server_config(Accounts::Buckets, &site.keys.issuer.public_key())
        .replace("timeout: 5", "timeout: 1")
        .replace("auth_users: [ ", "auth_users: [ auditor, ")
        .replace("APP {}", audit);
    let server = site.start_server_with(&config).await?;
    let auditor = ConnectOptions::with_user_and_password("auditor".into(), "of-the-auditor".into());
    let auditor = auditor.connect(server.url()).await?;
    let decisions = stream::Config {
        name: "DECISIONS".to_owned(),
        subjects: vec!["decisions".to_owned()],
        ..stream::Config::default()
    };
    let jetstream = jetstream::with_domain(auditor, "hub");
    jetstream.create_stream(decisions).await?;

    fs::write(site.path().join("auditor.password"), "of-the-auditor")?;
    let tables = format!(
        "[records.stream]\nsubject = \"decisions\"\njetstream-domain = \"hub\"\n\
         [records.stream.nats]\nservers = [\"{}\"]\nuser = \"auditor\"\n\
         password-file = \"auditor.password\"\n",
        server.url()
    );
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
