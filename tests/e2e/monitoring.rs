//! The reference of the metrics, the alert rules and the dashboard, against a host that runs.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::once;

use anyhow::{Context as _, Result, ensure};
use portcullis_harness::{Answer, Authority, Host, PATIENCE, Provider, Release, Wire};
use serde_json::json;
use tokio::time::Instant;

use crate::health::get;
use crate::locks::exchanged::{operator, start_server, tables};
use crate::support::{SENSOR_TOKEN, sensor_site};

const REFERENCE: &str = include_str!("../../docs/reference/metrics.md");
const ALERTS: &str = include_str!("../../packaging/prometheus/alerts.yaml");
const DASHBOARD: &str = include_str!("../../packaging/grafana/portcullis.json");

/// Metrics of accounts that the host makes or signs, and of a login that ends, which the host of
/// this test does not have.
const ELSEWHERE: [&str; 10] = [
    "portcullis_account_request_accounts",
    "portcullis_account_request_denials_total",
    "portcullis_account_request_failures_total",
    "portcullis_account_request_refusals_total",
    "portcullis_account_requests_signed_total",
    "portcullis_account_requests_total",
    "portcullis_first_login_accounts",
    "portcullis_first_login_accounts_made_total",
    "portcullis_first_login_failures_total",
    "portcullis_nats_login_expiry_timestamp_seconds",
];

/// Samples by their names, each with the names of its labels.
type Samples = BTreeMap<String, BTreeSet<String>>;

/// Returns the samples that the reference lists.
fn documented() -> Samples {
    let mut samples = Samples::new();
    for line in REFERENCE.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let ["", names, kinds, labels, ..] = cells.as_slice() else {
            continue;
        };
        let kinds: Vec<_> = kinds.split(", ").collect();
        let labels: BTreeSet<_> = quoted(labels).collect();
        for (at, name) in quoted(names).enumerate() {
            let parts = match kinds.get(at).or(kinds.last()) {
                Some(&"counter") => &["_total"][..],
                Some(&"gauge") => &[""],
                Some(&"histogram") => &["_bucket", "_sum", "_count"],
                _ => continue,
            };
            for part in parts {
                samples.insert(format!("portcullis_{name}{part}"), labels.clone());
            }
        }
    }
    samples
}

/// Returns the words in backticks.
fn quoted(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// Returns the samples of a page of `/metrics`.
fn exported(page: &str) -> Result<Samples> {
    let mut samples = Samples::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let end = line.find(['{', ' ']).context("no value")?;
        let (name, rest) = line.split_at(end);
        let labels = samples.entry(name.to_owned()).or_default();
        labels.extend(labels_of(rest).filter(|label| label != "le"));
    }
    Ok(samples)
}

/// Returns the names of the labels in `{name="value",…}`.
fn labels_of(text: &str) -> impl Iterator<Item = String> {
    let mut names = Vec::new();
    let mut rest = text.strip_prefix('{');
    while let Some((name, value)) = rest.and_then(|rest| rest.split_once("=\"")) {
        names.push(name.trim_start_matches(',').to_owned());
        let mut is_escaped = false;
        let end = value.find(|letter| match letter {
            '"' if !is_escaped => true,
            _ => {
                is_escaped = letter == '\\' && !is_escaped;
                false
            }
        });
        rest = end.and_then(|end| value.get(end + 1..));
    }
    names.into_iter()
}

/// Returns the names of metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let names = words.filter(|word| word.starts_with("portcullis_"));
    names.map(str::to_owned).collect()
}

/// Starts a host with every part that has metrics, and lets the sensor log in. Returns the page.
async fn page_of_everything() -> Result<String> {
    let site = sensor_site(Release::Nats2_15).await?;
    let operator = operator(&site)?;
    let server = start_server(&site, &operator).await?;
    let provider = Provider::start().await?;
    let certificate = Authority::create(&site.path().join("tls"))?.issue("exchange")?;
    let tables = format!(
        "code-cache = true\n[health]\nlisten = \"127.0.0.1:0\"\n\
         [exchange]\nlisten = \"127.0.0.1:0\"\ntls-cert-file = \"{}\"\ntls-key-file = \"{}\"\n\
         [identity.issuers.company]\nissuer = \"{}\"\naudiences = [\"*\"]\nrequired = true\n\
         [records.file]\npath = \"records/decisions.jsonl\"\n\
         [records.stream]\nsubject = \"decisions\"\n\
         [records.events]\nsubject = \"logins.{{account}}\"\n\
         [records.otlp]\nurl = \"http://127.0.0.1:1\"\n\
         [telemetry.traces]\nurl = \"http://127.0.0.1:1\"\n{}",
        certificate.file.display(),
        certificate.key_file.display(),
        provider.issuer(),
        tables(&server)
    );
    let config = operator.host_config(&server.url(), &tables);
    let host = site.spawn_host_with(&config)?;
    host.says("key-value bucket synchronised").await?;
    host.ready().await?;
    let presented = json!({
        "jwt": operator.sentinel.jwt(),
        "auth_token": SENSOR_TOKEN,
        "name": "desk",
    });
    let mut sensor = Wire::open(server.port()).await?;
    assert_eq!(sensor.log_in(&presented).await?, Answer::Admitted);
    host.decision("desk").await?;
    until_complete(&host).await
}

/// Returns the page once it has the samples that come some time after the first login.
async fn until_complete(host: &Host) -> Result<String> {
    let served = host.says("health served").await?;
    let address = served.text("health.address");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = get(address, "/metrics").await?.content;
        let awaited = documented().into_keys().filter(|name| !is_absent(name));
        let missing: Vec<_> = awaited
            .filter(|name| !page.contains(&format!("\n{name}")))
            .collect();
        if missing.is_empty() {
            return Ok(page);
        }
        ensure!(Instant::now() < deadline, "no {missing:?} in {page}");
    }
}

fn is_absent(name: &str) -> bool {
    ELSEWHERE.contains(&name)
}

#[tokio::test]
async fn the_reference_lists_what_a_host_exports_and_rules_and_dashboard_use_no_more() -> Result<()>
{
    let documented = documented();
    let exported = exported(&page_of_everything().await?)?;
    for (name, labels) in &exported {
        assert_eq!(
            documented.get(name),
            Some(labels),
            "`{name}` in docs/reference/metrics.md, with its labels"
        );
        assert!(!is_absent(name), "`{name}` is exported after all");
    }
    let known: BTreeSet<_> = exported.into_keys().collect();
    for (file, text) in once(("alerts.yaml", ALERTS)).chain(once(("portcullis.json", DASHBOARD))) {
        let used = named(text);
        assert!(used.len() > 10, "{file} names {used:?}");
        let unknown: Vec<_> = used
            .iter()
            .filter(|name| !known.contains(*name) && !is_absent(name))
            .collect();
        assert!(
            unknown.is_empty(),
            "{file} names {unknown:?}, which no host exports"
        );
    }
    Ok(())
}

#[test]
fn labels_are_read_past_quotes_and_commas_in_their_values() {
    let line = r#"{a="x,b=\"y\"",c="\\",le="+Inf"} 1"#;
    assert_eq!(labels_of(line).collect::<Vec<_>>(), ["a", "c", "le"]);
    assert_eq!(labels_of(" 1").count(), 0);
}
