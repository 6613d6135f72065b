//! A second host that expects a different issuer, a different xkey or a different time than its
//! server sends.

use anyhow::{Context, Result};
use nkeys::XKey;
use portcullis_harness::{
    Accounts, Event, Host, Keys, NatsServer, Operator, PolicyDirectory, Release, Resolver,
    ShiftedClock, Site,
};
use rstest::rstest;

use super::{HEALTH, health, readyz_says, refused};
use crate::health::metric;
use crate::support::{put_sensor, sensor_site};

/// The number of mismatches in a row after which the second host stops taking part.
const MAX_MISMATCHES: usize = 3;

/// Returns the configuration of a second host, made from that of the first.
async fn second_config(site: &Site, first: &str) -> Result<String> {
    put_sensor(&PolicyDirectory::create(site.path().join("second"))?).await?;
    let limit = format!("[callout]\nmax-mismatches = {MAX_MISMATCHES}\n");
    let config = first.replace("directory = \"policies\"", "directory = \"second\"");
    let config = config.replace("[callout]\n", &limit);
    Ok(format!(
        "{config}state-directory = \"second-state\"\n{HEALTH}"
    ))
}

/// Adds `line` to the table `[callout]`.
fn with(config: &str, line: &str) -> String {
    config.replace("[callout]\n", &format!("[callout]\n{line}\n"))
}

fn spawn(site: &Site, name: &str, config: &str) -> Result<Host> {
    Host::spawn(&site.write_config(name, config)?, &[])
}

/// Logs in at `server` until a host has logged what `said` waits for.
async fn log_in_until(
    server: &NatsServer,
    said: impl Future<Output = Result<Event>>,
) -> Result<()> {
    tokio::select! {
        said = said => said.map(drop),
        failed = log_in_repeatedly(server) => failed,
    }
}

/// Logs in at `server`, one client after the other, until that fails.
async fn log_in_repeatedly(server: &NatsServer) -> Result<()> {
    loop {
        refused(server, 1).await?;
    }
}

/// Logs in until `second` stops taking part for `reason`. Verifies that no login is refused
/// afterwards.
async fn leaves(server: &NatsServer, second: &Host, reason: &str) -> Result<()> {
    let address = health(second).await?;
    second.decides().await?;

    log_in_until(server, second.says(Host::LEAVES)).await?;

    let log = second.log().all();
    let refusals = log.iter().filter(|event| event.says("request refused"));
    let reasons: Vec<_> = refusals.map(|event| event.text("refusal.reason")).collect();
    assert!(!reasons.is_empty(), "{log:#?}");
    assert!(reasons.iter().all(|other| *other == reason), "{reasons:?}");
    let refusals = format!("portcullis_refusals_total{{reason=\"{reason}\"}}");
    let counted = usize::try_from(metric(&address, &refusals).await?)?;
    assert!(counted >= MAX_MISMATCHES, "{counted}");
    // The host knew of the other one before it took more logins.
    let alone = log.iter().any(|event| event.says(Host::DENIES_ALONE));
    assert!(!alone, "{log:#?}");
    readyz_says(&address, "mismatched: ").await?;
    assert_eq!(refused(server, 20).await?, 0);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_host_with_another_issuer_leaves_after_some_requests(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values("", "queue-group = \"other\"")] group: &str,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = site.start_server(Accounts::Several).await?;
    let _first = site.start_host(&server).await?;
    Keys::generate().write(&site.path().join("other-keys"))?;
    let config = second_config(&site, &site.host_config(&server.url(), "")).await?;
    let config = config.replace("keys/issuer.nk", "other-keys/issuer.nk");

    let second = spawn(&site, "second.toml", &with(&config, group))?;

    leaves(&server, &second, "issuer").await
}

const XKEY: &str = "xkey-seed-file = \"keys/curve.nk\"";
const OTHER_XKEY: &str = "xkey-seed-file = \"keys/other-curve.nk\"";
const NO_XKEY: &str = "";

/// Gives the line `first` to the host that the server expects, and `second` to the other host.
#[rstest]
#[case::of_another_key(XKEY, OTHER_XKEY, "encryption")]
#[case::without_a_key(XKEY, NO_XKEY, "encrypted")]
#[case::with_a_key_for_nothing(NO_XKEY, XKEY, "not-encrypted")]
#[tokio::test]
async fn a_host_with_another_xkey_leaves_after_some_requests(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[case] first: &str,
    #[case] second: &str,
    #[case] reason: &str,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let curve = XKey::new();
    std::fs::write(site.path().join("keys/curve.nk"), curve.seed()?)?;
    std::fs::write(site.path().join("keys/other-curve.nk"), XKey::new().seed()?)?;
    let xkey = (first == XKEY).then(|| curve.public_key());
    let server = site.start_encrypting_server(xkey.as_deref()).await?;
    let config = site.host_config(&server.url(), "");
    let host = spawn(&site, "portcullis.toml", &with(&config, first))?;
    host.decides().await?;

    let config = with(&second_config(&site, &config).await?, second);
    let second = spawn(&site, "second.toml", &config)?;

    leaves(&server, &second, reason).await
}

#[tokio::test]
async fn a_host_of_an_operator_with_another_xkey_leaves_after_some_requests() -> Result<()> {
    let site = sensor_site(Release::Nats2_15).await?;
    let mut operator = Operator::new(&["APP"])?;
    operator.encrypt();
    operator.has_default_sentinel = true;
    operator.write(site.path())?;
    std::fs::write(site.path().join("keys/other-curve.nk"), XKey::new().seed()?)?;
    let config = operator.server_config(Resolver::Memory, site.path(), "")?;
    let server = site.start_server_with(&config).await?;
    let config = operator.host_config(&server.url(), "");
    let first = spawn(&site, "portcullis.toml", &config)?;
    first.decides().await?;

    let config = second_config(&site, &config).await?;
    let second = spawn(&site, "second.toml", &config.replace(XKEY, OTHER_XKEY))?;

    leaves(&server, &second, "encryption").await
}

#[cfg(target_os = "linux")]
#[rstest]
#[tokio::test]
async fn a_host_whose_clock_is_off_by_minutes_leaves_after_some_requests(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(300, -300)] seconds: i64,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = site.start_server(Accounts::Several).await?;
    let _first = site.start_host(&server).await?;
    let clock = ShiftedClock::build(site.path(), seconds)?;
    let config = second_config(&site, &site.host_config(&server.url(), "")).await?;
    let file = site.write_config("second.toml", &config)?;

    let second = Host::spawn_in(&file, &[], &[clock.variable()])?;

    leaves(&server, &second, "clock").await
}

/// Verifies that a host that left because of mismatches tries again after some seconds, and stays
/// once they are over.
#[tokio::test]
async fn a_host_comes_back_when_its_server_sends_what_it_expects() -> Result<()> {
    let site = sensor_site(Release::Nats2_15).await?;
    let curve = XKey::new();
    std::fs::write(site.path().join("keys/curve.nk"), curve.seed()?)?;
    let server = site.start_encrypting_server(None).await?;
    let config = site.host_config(&server.url(), "");
    let mut first = spawn(&site, "portcullis.toml", &config)?;
    first.decides().await?;
    let config = with(&second_config(&site, &config).await?, XKEY);
    let second = spawn(&site, "second.toml", &config)?;
    leaves(&server, &second, "not-encrypted").await?;
    let mark = second.log().len();

    first.ask_to_stop().await?;
    first.ended().await?;
    let again = server.stop().await?;
    let file = site.path().join("nats-server.conf");
    let text = std::fs::read_to_string(&file)?;
    let block = format!("auth_callout {{ xkey: {},", curve.public_key());
    std::fs::write(&file, text.replace("auth_callout {", &block))?;
    let server = again.await?;

    log_in_until(&server, second.says_from(mark, Host::TAKES_PART)).await?;
    let address = health(&second).await?;
    readyz_says(&address, "ready")
        .await
        .context("after its return")?;
    assert_eq!(refused(&server, 20).await?, 0);
    Ok(())
}
