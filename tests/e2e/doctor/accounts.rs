//! Accounts that the configuration names and servers do not have.

use std::fs;

use anyhow::Result;
use nkeys::KeyPair;
use portcullis_harness::Accounts;

use super::{configure, doctor, server_conf, site};

#[tokio::test]
async fn a_target_account_that_servers_do_not_have_is_found() -> Result<()> {
    let site = site()?;
    let admin = KeyPair::new_user();
    let seed = site.path().join("keys/admin.nk");
    fs::write(&seed, admin.seed()?)?;
    let admin = admin.public_key();
    let config = site.server_config(Accounts::Several, &site.keys.issuer.public_key());
    let config = config
        .replace(
            "SYS {}",
            &format!("SYS {{ users: [ {{ nkey: {admin} }} ] }}"),
        )
        .replace("auth_users: [ ", &format!("auth_users: [ {admin}, "));
    let server = site.start_server_with(&config).await?;
    configure(&site, &server, |config| {
        config.replace("[\"APP\"]", "[\"APP\", \"GONE\"]")
    })?;

    for arguments in [
        ["--creds", &seed.to_string_lossy()],
        ["--server-conf", &server_conf(&site)],
    ] {
        let report = doctor(&site, &arguments, &[]).await?;
        assert_eq!(report.codes(), ["account-missing"], "{report:#?}");
        assert!(report.finding("account-missing").contains("GONE"));
    }
    let neither = doctor(&site, &[], &[]).await?;
    let told = neither.json["not_looked_at"].to_string();
    assert!(told.contains("target accounts"), "{told}");
    Ok(())
}
