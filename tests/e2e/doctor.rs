//! `portcullis doctor`: each fault is made on purpose and found in one run.

mod accounts;
mod bypass;
mod connection;
mod fix;
mod hosts;
mod machine;
mod operator;
mod permissions;
mod servers;

use anyhow::{Context as _, Result};
use portcullis_harness::{Accounts, NatsServer, Release, Site, run_portcullis_in};
use rstest::rstest;
use serde_json::Value;

use crate::support::{POLICY, sensor, settings, static_users};

/// Findings of every site without policies and without a running host.
const BARE: [&str; 2] = ["policies-invalid", "host-absent"];

/// The report of one run.
#[derive(Debug)]
pub(crate) struct Report {
    code: Option<i32>,
    json: Value,
}

impl Report {
    fn parse(code: Option<i32>, stdout: &str, stderr: &str) -> Result<Self> {
        let json = serde_json::from_str(stdout);
        let json = json.with_context(|| format!("`doctor` says `{stdout}` and `{stderr}`"))?;
        Ok(Self { code, json })
    }

    fn findings(&self) -> impl Iterator<Item = &Value> {
        let findings = self.json.get("findings").and_then(Value::as_array);
        findings.into_iter().flatten()
    }

    /// Returns the codes of the findings, except those of [`BARE`] and those of the release.
    pub(crate) fn codes(&self) -> Vec<&str> {
        let codes = self
            .findings()
            .filter_map(|finding| finding["code"].as_str());
        codes
            .filter(|code| !BARE.contains(code) && !code.starts_with("server-release-"))
            .collect()
    }

    /// Returns the finding with this code, as text.
    pub(crate) fn finding(&self, code: &str) -> String {
        let found = self.findings().find(|finding| finding["code"] == code);
        found.map(Value::to_string).unwrap_or_default()
    }

    /// Returns the number of changes that `--fix` would make.
    pub(crate) fn fixes(&self) -> usize {
        let fixes = self.json.get("fixes").and_then(Value::as_array);
        fixes.map_or(0, Vec::len)
    }
}

/// Runs the command for the configuration `portcullis.toml` of `site`.
pub(crate) async fn doctor(
    site: &Site,
    more: &[&str],
    environment: &[(&str, String)],
) -> Result<Report> {
    let file = site.path().join("portcullis.toml");
    let file = file.to_string_lossy();
    let arguments = [&["doctor", "--json", "--config", &file], more].concat();
    let finished = run_portcullis_in(&arguments, "", environment).await?;
    Report::parse(finished.code, &finished.stdout, &finished.stderr)
}

/// Returns a site without policies, whose configuration names `server`, with `change` made to it.
pub(crate) fn configure(
    site: &Site,
    server: &NatsServer,
    change: impl FnOnce(String) -> String,
) -> Result<()> {
    let config = change(site.host_config(&server.url(), ""));
    site.write_config("portcullis.toml", &config)?;
    Ok(())
}

/// Adds `line` to the table `[callout]`.
fn with(line: &str) -> impl FnOnce(String) -> String {
    move |config| config.replace("[callout]\n", &format!("[callout]\n{line}\n"))
}

fn site() -> Result<Site> {
    Site::create(Release::Nats2_15)
}

/// Starts a server whose `auth_users` lacks the user of the host. A login times out after two
/// seconds.
async fn start_server_without_callout_user(site: &Site) -> Result<NatsServer> {
    let callout = site.keys.callout.public_key();
    let config = site
        .server_config(Accounts::Several, &site.keys.issuer.public_key())
        .replace(&format!("auth_users: [ {callout}, "), "auth_users: [ ")
        .replace("timeout: 5", "timeout: 2");
    site.start_server_with(&config).await
}

/// Returns the path of the server's configuration, as an argument.
fn server_conf(site: &Site) -> String {
    let file = site.path().join("nats-server.conf");
    file.to_string_lossy().into_owned()
}

#[rstest]
#[tokio::test]
async fn nothing_is_found_at_a_site_that_serves(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = Site::create(release)?;
    // An inbox that logins share is a finding.
    let settings = settings(&[sensor("everything", "").await?]);
    let settings = settings.replace("_INBOX.>", "_INBOX_ALICE.>");
    let module = static_users()?;
    site.policies.put_policy(POLICY, &module, &settings)?;
    site.policies.put_text(
        &format!("{POLICY}.tests.toml"),
        "[[tests]]\nname = \"a stranger\"\nlogin = { username = \"eve\", password = \"x\" }\nabstain = true\n",
    )?;
    let server = site.start_server(Accounts::Several).await?;
    let host = site.start_host(&server).await?;
    host.decides().await?;

    let report = doctor(&site, &["--server-conf", &server_conf(&site)], &[]).await?;

    assert_eq!(report.codes(), [""; 0], "{report:#?}");
    let has_pitfalls = release == Release::Nats2_10;
    assert_eq!(
        report.code,
        Some(if has_pitfalls { 86 } else { 0 }),
        "{report:#?}"
    );
    // The host has denied the probe, and counted no request that was meant for another host.
    let log = host.log().all();
    let refused = log.iter().any(|event| event.says("request refused"));
    assert!(!refused, "{log:#?}");
    Ok(())
}

#[tokio::test]
async fn the_report_for_people_says_what_was_not_looked_at() -> Result<()> {
    let site = site()?;
    let config = site.host_config("nats://127.0.0.1:1", "");
    let file = site.write_config("portcullis.toml", &config)?;
    let arguments = ["doctor", "--config", &file.to_string_lossy()];

    let finished = run_portcullis_in(&arguments, "", &[]).await?;

    let text = finished.stdout;
    assert_eq!(finished.code, Some(85), "{text}");
    for line in [
        "error server-unreachable: server `nats://127.0.0.1:1` does not answer",
        "not looked at: clock: `nats://127.0.0.1:1`: no connection is made",
        "not looked at: system account: `--creds` is not given",
    ] {
        assert!(text.contains(line), "{text}");
    }
    // A configuration that is absent keeps every other check from running.
    let absent = site.path().join("absent.toml");
    let arguments = ["doctor", "--config", &absent.to_string_lossy()];
    let finished = run_portcullis_in(&arguments, "", &[]).await?;
    let text = finished.stdout;
    assert!(
        text.contains("error configuration-invalid: cannot read"),
        "{text}"
    );
    assert!(
        text.contains("not looked at: servers: the configuration is invalid"),
        "{text}"
    );
    Ok(())
}
