//! The metrics about passwords and identity providers. Those about logins are tested in `health`.

use anyhow::Result;
use portcullis_harness::{
    Accounts, Credentials, Host, NatsServer, Provider, Release, Site, is_refused, log_in,
};
use rstest::rstest;

use crate::health;
use crate::support::{ALICE, POLICY, alice, settings, site_with};

/// Returns the number of a line of the host's `/metrics`.
async fn metric(host: &Host, name: &str) -> Result<u64> {
    let served = host
        .wait_for("the address", |event| event.says("health served"))
        .await?;
    health::metric(served.text("health.address"), name).await
}

/// Creates a site whose policy knows alice, and starts a host with these additional lines in its
/// configuration.
async fn start(release: Release, lines: &str) -> Result<(Site, NatsServer, Host)> {
    let settings = settings(&[alice("").await?]);
    let site = site_with(release, &settings)?;
    let server = site.start_server(Accounts::Several).await?;
    let lines = format!("[health]\nlisten = \"127.0.0.1:0\"\n{lines}");
    let host = site.spawn_host(&server, &lines)?;
    host.ready().await?;
    Ok((site, server, host))
}

#[rstest]
#[tokio::test]
async fn a_returning_user_costs_no_hash_if_passwords_are_remembered(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(true, false)] remembers: bool,
) -> Result<()> {
    let lines = "[identity]\nremember-passwords = \"5m\"\n";
    let lines = if remembers { lines } else { "" };
    let (_site, server, host) = start(release, lines).await?;
    for name in ["first", "second", "third"] {
        log_in(&server.url(), ALICE, name).await?;
    }
    let guess = Credentials::Password("alice", "correct-horse-battery-stable");
    for name in ["guess", "guess-again"] {
        assert!(is_refused(&log_in(&server.url(), guess, name).await));
    }
    let recalled = metric(&host, "portcullis_passwords_remembered_total").await?;
    assert_eq!(recalled, if remembers { 2 } else { 0 });
    Ok(())
}

#[rstest]
#[tokio::test]
async fn an_unreachable_provider_shows_in_the_metrics_and_stops_no_service(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut provider = Provider::start().await?;
    provider.be_down(true).await?;
    let lines = format!(
        "[identity.issuers.company]\nissuer = \"{}\"\naudiences = [\"*\"]\ncool-down = \"1s\"\n",
        provider.issuer()
    );
    let (_site, server, host) = start(release, &lines).await?;
    log_in(&server.url(), ALICE, "desk").await?;
    host.wait_for("a failure", |event| {
        event.says("the issuer's keys could not be fetched; those that are held stay in use")
    })
    .await?;
    assert_eq!(
        metric(&host, "portcullis_issuer_keys{issuer=\"company\"}").await?,
        0
    );
    let failures = "portcullis_issuer_fetch_failures_total{issuer=\"company\"}";
    assert!(metric(&host, failures).await? > 0);

    provider.be_down(false).await?;
    host.wait_for("keys", |event| event.says("the issuer's keys were fetched"))
        .await?;
    assert_eq!(
        metric(&host, "portcullis_issuer_keys{issuer=\"company\"}").await?,
        1
    );
    Ok(())
}

#[tokio::test]
async fn each_policy_counts_its_own_decisions() -> Result<()> {
    let (_site, server, host) = start(Release::Nats2_15, "").await?;
    for name in ["first", "second"] {
        log_in(&server.url(), ALICE, name).await?;
    }
    let guess = Credentials::Password("alice", "correct-horse-battery-stable");
    assert!(is_refused(&log_in(&server.url(), guess, "guess").await));
    let decisions = |verdict| {
        let host = &host;
        let line = format!(
            "portcullis_policy_decisions_total{{policy=\"{POLICY}\",verdict=\"{verdict}\"}}"
        );
        async move { metric(host, &line).await }
    };
    assert_eq!(decisions("permit").await?, 2);
    assert_eq!(decisions("deny").await?, 1);
    assert_eq!(decisions("failed").await?, 0);
    let took = format!("portcullis_policy_decision_seconds_count{{policy=\"{POLICY}\"}}");
    assert_eq!(metric(&host, &took).await?, 3);
    let version = env!("CARGO_PKG_VERSION");
    let build = format!("portcullis_build_info{{version=\"{version}\"}}");
    assert_eq!(metric(&host, &build).await?, 1);
    let last = metric(&host, "portcullis_last_request_timestamp_seconds").await?;
    let start = metric(&host, "portcullis_start_time_seconds").await?;
    assert!(start > 0 && last >= start, "{start} {last}");
    Ok(())
}
