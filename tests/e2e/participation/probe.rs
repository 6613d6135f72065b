//! Probes: logins that a host makes itself, to find out whether servers send requests to it.

use anyhow::Result;
use portcullis_harness::{
    Accounts, Event, Host, Keys, NatsServer, Operator, Release, Resolver, Site, barely_log_in, hash,
};
use rstest::rstest;

use super::{HEALTH, health, readyz_says};
use crate::health::get;
use crate::support::{POLICY, SENSOR_TOKEN, sensor_site, settings, static_users, user};

const ARRIVED: &str = "probe login arrived: servers hand logins to this host";
/// The log line about a probe that another service may have answered.
const UNCLEAR: &str = "probe login tells nothing";

/// Starts a host at `server` that makes probes.
async fn start(site: &Site, server: &NatsServer) -> Result<(Host, String)> {
    let config = site.host_config(&server.url(), HEALTH);
    let host = site.spawn_host_with(&config.replace("probe = false\n", ""))?;
    let address = health(&host).await?;
    Ok((host, address))
}

/// Returns the metrics with this prefix, without the prefix.
async fn metrics(address: &str, beginning: &str) -> Result<Vec<String>> {
    let page = get(address, "/metrics").await?;
    let lines = page.content.lines();
    let values = lines.filter_map(|line| line.strip_prefix(beginning));
    Ok(values.map(str::to_owned).collect())
}

async fn loses_its_probe(site: &Site, server: &NatsServer) -> Result<()> {
    let (host, address) = start(site, server).await?;
    let obstacle = host
        .wait_for("the lost probe", |event| {
            event.says("obstacle to deciding logins")
                && event.text("error").starts_with("probe-lost: ")
        })
        .await?;
    let place = format!("at `127.0.0.1:{}`", server.port());
    assert!(obstacle.text("error").contains(&place), "{obstacle:?}");
    readyz_says(&address, "probe-lost: ").await?;
    let lost = metrics(&address, "portcullis_probes_total{result=\"lost\"} ").await?;
    assert_eq!(lost, ["1"]);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_server_without_callout_loses_the_probe(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = site.start_server(Accounts::NoCallout).await?;
    loses_its_probe(&site, &server).await
}

#[rstest]
#[tokio::test]
async fn a_server_that_asks_another_account_loses_the_probe(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let callout = site.keys.callout.public_key();
    let issuer = site.keys.issuer.public_key();
    let config = format!(
        "accounts {{\n  AUTH {{ users: [ {{ nkey: {callout} }} ] }}\n  APP {{}}\n  OTHER {{}}\n}}\n\
         authorization {{\n  timeout: 1\n  auth_callout {{ issuer: {issuer}, account: OTHER, auth_users: [ {callout} ] }}\n}}\n"
    );
    let server = site.start_server_with(&config).await?;
    loses_its_probe(&site, &server).await
}

#[rstest]
#[tokio::test]
async fn a_probe_arrives_and_is_no_failure_of_a_user(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = site.start_server(Accounts::Several).await?;
    let (host, address) = start(&site, &server).await?;

    host.says(ARRIVED).await?;

    readyz_says(&address, "ready").await?;
    for (metric, value) in [
        ("portcullis_probes_total{result=\"arrived\"} ", "1"),
        ("portcullis_probes_total{result=\"lost\"} ", "0"),
        ("portcullis_probes_answered_total ", "1"),
        ("portcullis_failed_attempts_total ", "0"),
    ] {
        assert_eq!(metrics(&address, metric).await?, [value], "{metric}");
    }
    for family in ["portcullis_denials_total", "portcullis_refusals_total"] {
        let counts = metrics(&address, family).await?;
        let zero = counts.iter().all(|count| count.ends_with(" 0"));
        assert!(!counts.is_empty() && zero, "{counts:?}");
    }
    let log = host.log().all();
    assert!(!log.iter().any(|event| event.says("authorization decided")));
    let errors: Vec<_> = log
        .iter()
        .filter(|event| event.text("level") == "ERROR")
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert!(barely_log_in(server.port(), SENSOR_TOKEN).await?);
    Ok(())
}

/// A clock, an xkey or an issuer that differs keeps every client outside, and the host says so
/// before a client comes.
#[rstest]
#[tokio::test]
async fn a_host_whose_probe_is_meant_for_another_one_is_not_ready(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let other = Keys::generate().issuer.public_key();
    let server = site
        .start_server_trusting(Accounts::Several, &other)
        .await?;
    let (host, address) = start(&site, &server).await?;

    host.says(UNCLEAR).await?;

    let reason = "unmatched: no request was meant for this host yet, and the last one was refused, reason `issuer`";
    readyz_says(&address, reason).await?;
    // Another server may ask next, so the host takes part.
    assert_eq!(
        metrics(&address, "portcullis_participating ").await?,
        ["1.0"]
    );
    Ok(())
}

/// With `allowed_accounts`, a server does not show the host's user that it asks the account.
/// Release 2.10 does not know this setting.
#[tokio::test]
async fn a_probe_overrules_that_a_server_does_not_show_whom_it_asks() -> Result<()> {
    let site = sensor_site(Release::Nats2_15).await?;
    let callout = site.keys.callout.public_key();
    let issuer = site.keys.issuer.public_key();
    let config = format!(
        "accounts {{\n  AUTH {{ users: [ {{ nkey: {callout} }} ] }}\n  APP {{}}\n}}\n\
         authorization {{\n  timeout: 5\n  auth_callout {{ issuer: {issuer}, account: AUTH, \
         auth_users: [ {callout} ], allowed_accounts: [ APP ] }}\n}}\n"
    );
    let server = site.start_server_with(&config).await?;
    let (host, address) = start(&site, &server).await?;

    host.says(ARRIVED).await?;

    readyz_says(&address, "ready").await?;
    let log = host.log().all();
    let obstacles = log
        .iter()
        .filter(|event| event.says("obstacle to deciding logins"));
    assert_eq!(obstacles.count(), 0, "{log:#?}");
    assert!(barely_log_in(server.port(), SENSOR_TOKEN).await?);
    Ok(())
}

#[tokio::test]
async fn the_token_of_a_probe_lets_no_client_in() -> Result<()> {
    const PROBE: &str = "portcullis-probe:a-client-that-knows-it";
    let site = Site::create(Release::Nats2_15)?;
    let token = hash(PROBE, &["--token"]).await?;
    let sensor = user("sensor", &format!("token = \"{token}\""), "everything", "");
    site.policies
        .put_policy(POLICY, &static_users()?, &settings(&[sensor]))?;
    let server = site.start_server(Accounts::Several).await?;
    let (host, address) = start(&site, &server).await?;
    host.decides().await?;

    for _ in 0..100 {
        assert!(!barely_log_in(server.port(), PROBE).await?);
    }

    assert_eq!(
        metrics(&address, "portcullis_failed_attempts_total ").await?,
        ["0"]
    );
    let log = host.log().all();
    assert!(
        !log.iter()
            .any(|event| event.text("message").contains("throttled"))
    );
    Ok(())
}

/// Verifies that a probe that another host answers counts against neither host.
#[tokio::test]
async fn hosts_of_one_queue_group_do_not_lose_their_probes() -> Result<()> {
    let site = sensor_site(Release::Nats2_15).await?;
    let server = site.start_server(Accounts::Several).await?;
    let (first, first_address) = start(&site, &server).await?;
    let config = site.host_config(
        &server.url(),
        &format!("state-directory = \"other\"\n{HEALTH}"),
    );
    let config = config.replace("probe = false\n", "");
    let second = Host::spawn(&site.write_config("second.toml", &config)?, &[])?;
    let second_address = health(&second).await?;

    // The server chooses which of the two hosts answers a probe.
    let concluded = |event: &Event| event.says(ARRIVED) || event.says(UNCLEAR);
    tokio::select! {
        probe = first.wait_for("the result of a probe", concluded) => { probe?; }
        probe = second.wait_for("the result of a probe", concluded) => { probe?; }
    }

    for address in [first_address, second_address] {
        readyz_says(&address, "ready").await?;
        let lost = metrics(&address, "portcullis_probes_total{result=\"lost\"} ").await?;
        assert_eq!(lost, ["0"]);
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_probe_of_an_operators_host_presents_the_sentinel(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let mut operator = Operator::new(&["APP"])?;
    operator.encrypt();
    operator.write(site.path())?;
    std::fs::write(
        site.path().join("keys/sentinel.creds"),
        operator.sentinel.credentials()?,
    )?;
    let config = operator.server_config(Resolver::Memory, site.path(), "")?;
    let server = site.start_server_with(&config).await?;
    let config = operator.host_config(&server.url(), HEALTH);
    let sentinel = "[operator]\nsentinel-creds-file = \"keys/sentinel.creds\"\n";
    let host = site.spawn_host_with(&config.replace("[operator]\n", sentinel))?;
    let address = health(&host).await?;

    host.says(ARRIVED).await?;

    readyz_says(&address, "ready").await?;
    Ok(())
}
