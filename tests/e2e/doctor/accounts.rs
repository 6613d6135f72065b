//! Accounts that the configuration names and servers do not have.

use std::fs;

use anyhow::Result;
use nkeys::KeyPair;
use portcullis_harness::{
    Accounts, Credentials, NatsServer, Release, Site, hash, is_refused, log_in, until_read,
};
use rstest::rstest;

use super::{configure, doctor, server_conf, site};
use crate::support::{POLICY, settings, site_with, user};

/// Starts a server with a user in the system account. Returns the file with the user's seed.
async fn with_admin(site: &Site) -> Result<(NatsServer, String)> {
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
    Ok((server, seed.to_string_lossy().into_owned()))
}

#[tokio::test]
async fn a_target_account_that_servers_do_not_have_is_found() -> Result<()> {
    let site = site()?;
    let (server, seed) = with_admin(&site).await?;
    configure(&site, &server, |config| {
        config.replace("[\"APP\"]", "[\"APP\", \"GONE\"]")
    })?;

    for arguments in [["--creds", &seed], ["--server-conf", &server_conf(&site)]] {
        let report = doctor(&site, &arguments, &[]).await?;
        assert_eq!(report.codes(), ["account-missing"], "{report:#?}");
        assert!(report.finding("account-missing").contains("GONE"));
    }
    let neither = doctor(&site, &[], &[]).await?;
    let told = neither.json["not_looked_at"].to_string();
    assert!(told.contains("target accounts"), "{told}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn accounts_that_files_name_and_servers_do_not_have_are_found(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = Site::create(release)?;
    let (server, seed) = with_admin(&site).await?;
    // The settings count, although the module is damaged.
    let named = |name: &str, account: &str| {
        let account = format!("account = \"{account}\"");
        user(name, "password = \"plain:x\"", "p", &account)
    };
    let settings = [named("alice", "APP"), named("bob", "STAFF")].concat();
    site.policies.put_policy(POLICY, b"", &settings)?;
    site.write_config(
        "assertions.toml",
        "[[assertions]]\nname = \"payroll\"\nonly = []\naccount = \"PAYROLL\"\nmay-publish = [\"x\"]\n",
    )?;
    configure(&site, &server, |config| {
        let config = config.replace("[\"APP\"]", "[\"*\"]");
        let config = config.replace("system-account = \"SYS\"", "system-account = \"SYSTEM\"");
        format!("{config}\n[ceilings.accounts.STAFF]\npublish-allow = [\"x\"]\n")
    })?;

    for arguments in [["--creds", &seed], ["--server-conf", &server_conf(&site)]] {
        let report = doctor(&site, &arguments, &[]).await?;
        assert_eq!(
            report.codes(),
            [
                "system-account-differs",
                "named-account-missing",
                "named-account-missing"
            ],
            "{report:#?}"
        );
        let missing: String = report
            .findings()
            .filter(|finding| finding["code"] == "named-account-missing")
            .map(ToString::to_string)
            .collect();
        for part in [
            "account `STAFF` is named",
            "ceilings.accounts.STAFF",
            "settings.users.bob.account",
            "account `PAYROLL` is named",
            "assertions.toml`:4: account of `payroll`",
        ] {
            assert!(missing.contains(part), "{missing}");
        }
        assert!(!missing.contains("alice"), "{missing}");
    }

    configure(&site, &server, |config| config)?;
    let narrow = doctor(&site, &[], &[]).await?;
    assert_eq!(
        narrow.codes(),
        ["named-account-not-allowed", "named-account-not-allowed"],
        "{narrow:#?}"
    );
    Ok(())
}

#[rstest]
#[tokio::test]
async fn permits_that_servers_refused_for_their_account_are_found(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let password = format!("password = \"{}\"", hash("of-bob", &[]).await?);
    let users = settings(&[user("bob", &password, "own", "account = \"GONE\"")]);
    let site = site_with(release, &users)?;
    let server = site.start_server(Accounts::Several).await?;
    let records = "[records.file]\npath = \"records/decisions.jsonl\"\n";
    let config = site.host_config(&server.url(), records);
    let config = config.replace("[\"APP\"]", "[\"APP\", \"GONE\"]");
    let host = site.spawn_host_with(&config)?;
    host.decides().await?;
    let login = Credentials::Password("bob", "of-bob");
    assert!(is_refused(&log_in(&server.url(), login, "desk").await));
    let file = site.path().join("records/decisions.jsonl");
    let recorded = || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        text.contains("\"outcome\":\"rejected\"").then_some(())
    };
    until_read(site.path(), "record of the login", recorded).await?;

    let report = doctor(&site, &["--server-conf", &server_conf(&site)], &[]).await?;

    assert!(report.codes().contains(&"account-missing"), "{report:#?}");
    let finding = report.finding("account-rejected");
    for part in [
        "`GONE`",
        "`portcullis-tests`",
        "permits refused within a day: 1",
    ] {
        assert!(finding.contains(part), "{report:#?}");
    }
    Ok(())
}
