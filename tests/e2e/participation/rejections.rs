//! A second host whose permits the servers reject, because of its keys or its target accounts.

use anyhow::{Result, ensure};
use portcullis_harness::{
    Accounts, Event, Host, Keys, NatsServer, Operator, PolicyDirectory, Release, Resolver, Site,
    log_in,
};
use rstest::rstest;

use super::{HEALTH, health, readyz_says, refused};
use crate::support::{
    ALICE, POLICY, alice, put_sensor, sensor, sensor_site, settings, static_users,
};

/// Adds what lets a second host run in the directory of the first.
fn second_config(first: &str) -> String {
    let config = first.replace("directory = \"policies\"", "directory = \"second\"");
    let config = config.replace("[callout]\n", "[callout]\nmax-mismatches = 3\n");
    format!("{config}state-directory = \"second-state\"\n{HEALTH}")
}

/// Logs in until `second` leaves. No login is refused afterwards.
async fn leaves(server: &NatsServer, second: &Host) -> Result<()> {
    let address = health(second).await?;
    second.decides().await?;

    let mut logins = 0;
    let says = |message| second.log().all().iter().any(|event| event.says(message));
    while !says(Host::LEAVES) {
        refused(server, 1).await?;
        logins += 1;
        ensure!(logins < 10_000, "the host never leaves");
    }

    let rejected = |event: &Event| event.says("permit rejected by the server");
    let log = second.log().all();
    assert!(log.iter().filter(|event| rejected(event)).count() >= 3);
    assert!(!says(Host::DECIDES_ALONE), "{log:#?}");
    readyz_says(&address, "permits-rejected: ").await?;
    assert_eq!(refused(server, 20).await?, 0);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_host_whose_accounts_the_server_lacks_leaves(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = site.start_server(Accounts::Several).await?;
    let _first = site.start_host(&server).await?;
    let policies = PolicyDirectory::create(site.path().join("second"))?;
    let nowhere = sensor("everything", "account = \"NOWHERE\"").await?;
    policies.put_policy(POLICY, &static_users()?, &settings(&[nowhere]))?;
    let config = second_config(&site.host_config(&server.url(), ""));
    let config = config.replace("[\"APP\"]", "[\"NOWHERE\"]");

    let second = Host::spawn(&site.write_config("second.toml", &config)?, &[])?;

    leaves(&server, &second).await
}

/// A key of the operator mode that is another one than the servers know.
#[rstest]
#[case::of_responses("AUTH")]
#[case::of_the_target_account("APP")]
#[tokio::test]
async fn a_host_of_an_operator_with_an_unknown_key_leaves(#[case] account: &str) -> Result<()> {
    let site = sensor_site(Release::Nats2_15).await?;
    put_sensor(&PolicyDirectory::create(site.path().join("second"))?).await?;
    let mut operator = Operator::new(&["APP"])?;
    operator.has_default_sentinel = true;
    operator.write(site.path())?;
    let server = operator.server_config(Resolver::Memory, site.path(), "")?;
    let server = site.start_server_with(&server).await?;
    let config = operator.host_config(&server.url(), "");
    let first = Host::spawn(&site.write_config("portcullis.toml", &config)?, &[])?;
    first.decides().await?;
    Keys::generate().write(&site.path().join("other-keys"))?;
    let key = format!("keys/{account}.nk");
    ensure!(config.contains(&key), "no `{key}` in {config}");
    let config = second_config(&config.replace(&key, "other-keys/issuer.nk"));

    let second = Host::spawn(&site.write_config("second.toml", &config)?, &[])?;

    leaves(&server, &second).await
}

/// Rejections of one account's logins are no reason to leave while others are accepted.
#[tokio::test]
async fn a_host_stays_while_servers_accept_some_of_its_permits() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let nowhere = sensor("everything", "account = \"NOWHERE\"").await?;
    let users = [nowhere, alice("").await?];
    site.policies
        .put_policy(POLICY, &static_users()?, &settings(&users))?;
    let server = site.start_server(Accounts::Several).await?;
    let config = site.host_config(&server.url(), HEALTH);
    let config = config.replace("[\"APP\"]", "[\"APP\", \"NOWHERE\"]");
    let config = config.replace("[callout]\n", "[callout]\nmax-mismatches = 3\n");
    let host = Host::spawn(&site.write_config("portcullis.toml", &config)?, &[])?;
    let address = health(&host).await?;
    host.decides().await?;

    for _ in 0..20 {
        assert_eq!(refused(&server, 2).await?, 2);
        log_in(&server.url(), ALICE, "desk").await?;
    }

    readyz_says(&address, "ready").await?;
    let gone = |event: &Event| event.says("obstacle to deciding logins");
    assert!(!host.log().all().iter().any(gone));
    Ok(())
}
