//! Readiness: the own logins of a host, and the keys of required issuers.

use std::fs;

use anyhow::{Result, ensure};
use portcullis_harness::{
    Accounts, Built, Host, PATIENCE, Provider, Release, Site, barely_log_in, run_portcullis,
};
use serde_json::Value;

use crate::health::{get, metric};
use crate::oidc::issuer_table;
use crate::records::FILE;
use crate::support::{SENSOR_TOKEN, sensor_site};

const HEALTH: &str = "[health]\nlisten = \"127.0.0.1:0\"\n";

/// Returns the address of the health pages of `host`.
async fn health(host: &Host) -> Result<String> {
    let served = host.says("health served").await?;
    Ok(served.text("health.address").to_owned())
}

/// Waits until `/readyz` is only this line, or begins so, and returns the page.
async fn readyz_is(address: &str, beginning: &str) -> Result<String> {
    let begun = std::time::Instant::now();
    loop {
        let page = get(address, "/readyz").await?;
        if page.content.starts_with(beginning) && page.content.lines().count() == 1 {
            return Ok(page.content);
        }
        ensure!(begun.elapsed() < PATIENCE, "`{beginning}` in {page:?}");
    }
}

/// Returns the evidence that `portcullis doctor` has for `host-not-ready`. `address` is that of the
/// host's health pages, which its configuration leaves to the system.
async fn doctor(site: &Site, config: &str, address: &str) -> Result<Vec<String>> {
    let config = config.replace("127.0.0.1:0", address);
    let file = site.write_config("doctor.toml", &config)?;
    let file = file.to_string_lossy();
    let report = run_portcullis(&["doctor", "--json", "--config", &file], "").await?;
    let report: Value = serde_json::from_str(&report.stdout)?;
    let findings = report.get("findings").and_then(Value::as_array);
    let findings = findings.into_iter().flatten();
    let found = findings.filter(|finding| finding["code"] == "host-not-ready");
    let evidence = found.flat_map(|finding| finding["evidence"].as_array().into_iter().flatten());
    Ok(evidence
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect())
}

#[tokio::test]
async fn a_policy_that_traps_for_an_own_login_makes_the_host_not_ready_and_leaves_no_trace()
-> Result<()> {
    let site = sensor_site(Release::Nats2_15).await?;
    let server = site.start_server(Accounts::Several).await?;
    let config = site.host_config(&server.url(), &format!("{HEALTH}{FILE}"));
    let host = Host::spawn(&site.write_config("portcullis.toml", &config)?, &[])?;
    let address = health(&host).await?;
    host.decides().await?;
    assert_eq!(readyz_is(&address, "ready").await?, "ready\n");

    // It passes the tests before it serves, which have other names.
    let fails = Built::guest("fails_for")?;
    let settings = "[settings]\nusername = \"portcullis-probe:own-login\"\nhow = \"panics\"\n";
    let mark = host.log().len();
    site.policies.put_policy("fails", &fails, settings)?;
    host.published_from(mark, "fails").await?;

    let beginning = "own-login: a login of method `password` that the host made up was not \
                     decided: policy `fails`: policy-trapped: ";
    let reason = readyz_is(&address, beginning).await?;
    assert!(reason.contains("fails_for.rs:"), "{reason}");
    host.says_from(mark, "own login not decided").await?;
    assert_eq!(doctor(&site, &config, &address).await?, [reason.trim_end()]);
    // The host still takes part, and decides the logins that it can decide.
    assert_eq!(metric(&address, "portcullis_participating").await?, 1);
    for name in [
        "decision_records_written_total{sink=\"file\"}",
        "failed_attempts_total",
        "requests_waiting",
    ] {
        assert_eq!(
            metric(&address, &format!("portcullis_{name}")).await?,
            0,
            "{name}"
        );
    }
    let metrics = get(&address, "/metrics").await?.content;
    let counted = metrics.lines().filter(|line| {
        let counts = [
            "policy_decisions_total{",
            "policy_failures_total{",
            "denials_total{",
        ];
        let mut counts = counts.iter();
        counts.any(|name| line.starts_with(&format!("portcullis_{name}")))
    });
    let counted: Vec<_> = counted.collect();
    assert!(counted.len() > 6, "{metrics}");
    for line in counted {
        assert!(line.ends_with(" 0"), "{line}");
    }
    let log = host.log().all();
    assert!(
        !log.iter().any(|event| event.says("authorization decided")),
        "{log:#?}"
    );
    let records = fs::read_to_string(site.path().join("records/decisions.jsonl"));
    assert_eq!(records.unwrap_or_default(), "");
    assert!(barely_log_in(server.port(), SENSOR_TOKEN).await?);

    let mark = host.log().len();
    site.policies.remove("fails")?;
    host.says_from(mark, "own login decided again").await?;
    assert_eq!(readyz_is(&address, "ready").await?, "ready\n");
    Ok(())
}

#[tokio::test]
async fn a_host_is_ready_once_it_has_had_the_keys_of_a_required_issuer() -> Result<()> {
    let mut provider = Provider::start().await?;
    provider.be_down(true).await?;
    let site = sensor_site(Release::Nats2_15).await?;
    let server = site.start_server(Accounts::Several).await?;
    let lines = "required = true\nrefresh = \"1s\"\ncool-down = \"1s\"";
    let required = issuer_table("company", provider.issuer(), lines);
    let other = "[identity.issuers.other]\nissuer = \"https://127.0.0.1:1\"\naudiences = [\"*\"]\n";
    let config = site.host_config(&server.url(), &format!("{HEALTH}{required}{other}"));
    let host = Host::spawn(&site.write_config("portcullis.toml", &config)?, &[])?;
    let address = health(&host).await?;

    host.says(Host::TAKES_PART).await?;
    let beginning = "issuer-keys: issuer `company` is required, and its keys were never fetched: ";
    let reason = readyz_is(&address, beginning).await?;
    assert!(reason.contains("503"), "{reason}");
    assert_eq!(doctor(&site, &config, &address).await?, [reason.trim_end()]);
    // Logins that need no key are decided.
    assert!(barely_log_in(server.port(), SENSOR_TOKEN).await?);
    assert!(!host.log().all().iter().any(|event| event.says("ready")));

    provider.be_down(false).await?;
    host.decides().await?;
    assert_eq!(readyz_is(&address, "ready").await?, "ready\n");
    // The keys stay in use, and the host ready, while the provider is down again.
    let mark = host.log().len();
    provider.be_down(true).await?;
    let failed = "the issuer's keys could not be fetched; those that are held stay in use";
    host.says_from(mark, failed).await?;
    assert_eq!(get(&address, "/readyz").await?.status, 200);
    Ok(())
}
