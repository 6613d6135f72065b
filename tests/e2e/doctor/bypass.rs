//! `portcullis doctor --bypass`: credentials that enter without the callout.

use anyhow::Result;
use portcullis_harness::{Accounts, PolicyDirectory, Site, log_in};

use super::{configure, doctor, site};
use crate::support::{ALICE, ALICE_PASSWORD, POLICY, alice, settings, static_users};

#[tokio::test]
async fn a_credential_that_enters_without_the_callout_is_told_from_one_that_does_not() -> Result<()>
{
    let site = site()?;
    let users = settings(&[alice("").await?]);
    site.policies.put_policy(POLICY, &static_users()?, &users)?;
    let server = site.start_server(Accounts::Several).await?;
    let host = site.start_host(&server).await?;
    host.decides().await?;
    // This command need not load the policies that the host has loaded.
    PolicyDirectory::create(site.path().join("none"))?;
    configure(&site, &server, |config| {
        config.replace("directory = \"policies\"", "directory = \"none\"")
    })?;
    let (observer, password) = Site::OBSERVER;
    for (credential, code) in [
        (format!("{observer}:{password}"), "bypass-open"),
        (format!("alice:{ALICE_PASSWORD}"), "bypass-closed"),
        (format!("{observer}:wrong"), "bypass-unclear"),
    ] {
        let file = site.write_config("credential", &credential)?;

        let report = doctor(&site, &["--bypass", &file.to_string_lossy()], &[]).await?;

        assert_eq!(report.codes(), [code], "{report:#?}");
    }
    // Under another connection name, the host lets alice in, and so it has held its answer back.
    log_in(&server.url(), ALICE, "alice").await?;
    Ok(())
}

#[tokio::test]
async fn a_login_without_credentials_that_enters_is_found() -> Result<()> {
    let site = site()?;
    let config = site.server_config(Accounts::Several, &site.keys.issuer.public_key());
    let (observer, _) = Site::OBSERVER;
    let config = format!("{config}no_auth_user: {observer}\n");
    let server = site.start_server_with(&config).await?;
    configure(&site, &server, |config| config)?;

    let report = doctor(&site, &["--bypass", "none"], &[]).await?;

    assert_eq!(report.codes(), ["bypass-open"], "{report:#?}");
    Ok(())
}
