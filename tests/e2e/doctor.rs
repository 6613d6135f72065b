//! `portcullis doctor`: each fault is made on purpose and found in one run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use nkeys::{KeyPair, XKey};
use portcullis_harness::{
    Accounts, Authority, Built, Host, NatsServer, Operator, PATIENCE, PolicyDirectory, Release,
    Resolver, ShiftedClock, Site, log_in, run_portcullis_in, unix_now,
};
use rstest::rstest;
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::{
    ALICE, ALICE_PASSWORD, POLICY, alice, put_sensor, sensor, settings, static_users,
};

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
async fn another_issuer_is_found() -> Result<()> {
    let site = site()?;
    let other = KeyPair::new_account().public_key();
    let server = site
        .start_server_trusting(Accounts::Several, &other)
        .await?;
    configure(&site, &server, |config| config)?;

    let report = doctor(&site, &[], &[]).await?;

    assert_eq!(report.codes(), ["callout-issuer-differs"], "{report:#?}");
    assert_eq!(report.code, Some(85));
    let finding = report.finding("callout-issuer-differs");
    for key in [other, site.keys.issuer.public_key()] {
        assert!(finding.contains(&key), "{finding}");
    }
    Ok(())
}

#[rstest]
#[case::of_another_key(true, true, "callout-xkey-differs")]
#[case::without_a_key(true, false, "callout-xkey-missing-here")]
#[case::with_a_key_for_nothing(false, true, "callout-xkey-missing-there")]
#[tokio::test]
async fn another_xkey_is_found(
    #[case] there: bool,
    #[case] here: bool,
    #[case] code: &str,
) -> Result<()> {
    let site = site()?;
    fs::write(site.path().join("keys/curve.nk"), XKey::new().seed()?)?;
    fs::set_permissions(
        site.path().join("keys/curve.nk"),
        fs::Permissions::from_mode(0o600),
    )?;
    let other = there.then(|| XKey::new().public_key());
    let server = site.start_encrypting_server(other.as_deref()).await?;
    let line = if here {
        "xkey-seed-file = \"keys/curve.nk\""
    } else {
        ""
    };
    configure(&site, &server, with(line))?;

    let report = doctor(&site, &[], &[]).await?;

    assert_eq!(report.codes(), [code], "{report:#?}");
    let compared = doctor(&site, &["--server-conf", &server_conf(&site)], &[]).await?;
    assert_eq!(compared.codes(), [code, code], "{compared:#?}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_asks_another_account_is_found() -> Result<()> {
    let site = site()?;
    let callout = site.keys.callout.public_key();
    let issuer = site.keys.issuer.public_key();
    let config = format!(
        "accounts {{\n  AUTH {{ users: [ {{ nkey: {callout} }} ] }}\n  APP {{}}\n  OTHER {{}}\n  SYS {{}}\n}}\n\
         system_account: SYS\n\
         authorization {{\n  timeout: 2\n  auth_callout {{ issuer: {issuer}, account: OTHER, auth_users: [ {callout} ] }}\n}}\n"
    );
    let server = site.start_server_with(&config).await?;
    configure(&site, &server, |config| config)?;

    let report = doctor(&site, &[], &[]).await?;
    assert_eq!(report.codes(), ["callout-not-asked"], "{report:#?}");
    let compared = doctor(&site, &["--server-conf", &server_conf(&site)], &[]).await?;
    assert_eq!(
        compared.codes(),
        ["callout-not-asked", "callout-account-differs"]
    );

    configure(&site, &server, |config| {
        config.replace("account = \"AUTH\"", "account = \"OTHER\"")
    })?;
    let wrong_here = doctor(&site, &[], &[]).await?;
    assert_eq!(wrong_here.codes(), ["account-differs", "callout-not-asked"]);
    Ok(())
}

#[tokio::test]
async fn a_server_without_callout_is_found() -> Result<()> {
    let site = site()?;
    let server = site.start_server(Accounts::NoCallout).await?;
    configure(&site, &server, |config| config)?;

    let report = doctor(&site, &[], &[]).await?;
    assert_eq!(report.codes(), ["callout-not-asked"], "{report:#?}");
    let compared = doctor(&site, &["--server-conf", &server_conf(&site)], &[]).await?;
    assert_eq!(compared.codes(), ["callout-not-asked", "callout-absent"]);
    Ok(())
}

#[tokio::test]
async fn a_user_that_is_missing_from_auth_users_is_found() -> Result<()> {
    let site = site()?;
    let callout = site.keys.callout.public_key();
    let config = site.server_config(Accounts::Several, &site.keys.issuer.public_key());
    let config = config.replace(&format!("auth_users: [ {callout}, "), "auth_users: [ ");
    let server = site
        .start_server_with(&config.replace("timeout: 5", "timeout: 2"))
        .await?;
    configure(&site, &server, |config| config)?;

    let report = doctor(&site, &["--server-conf", &server_conf(&site)], &[]).await?;

    assert_eq!(
        report.codes(),
        ["login-refused", "callout-user-missing"],
        "{report:#?}"
    );
    assert!(report.finding("callout-user-missing").contains(&callout));
    Ok(())
}

#[tokio::test]
async fn a_timeout_that_is_too_short_is_found() -> Result<()> {
    let site = site()?;
    let server = site.start_server_waiting(Accounts::Several, "1").await?;
    configure(&site, &server, |config| config)?;

    let report = doctor(&site, &[], &[]).await?;

    assert_eq!(report.codes(), ["callout-timeout-too-short"], "{report:#?}");
    Ok(())
}

#[cfg(target_os = "linux")]
#[rstest]
#[tokio::test]
async fn a_clock_that_is_off_by_minutes_is_found(#[values(300, -300)] seconds: i64) -> Result<()> {
    let site = site()?;
    let server = site.start_server(Accounts::Several).await?;
    configure(&site, &server, |config| config)?;
    let clock = ShiftedClock::build(site.path(), seconds)?;

    let report = doctor(&site, &[], &[clock.variable()]).await?;

    assert_eq!(report.codes(), ["clock-differs"], "{report:#?}");
    let side = if seconds > 0 {
        "s ahead of"
    } else {
        "s behind"
    };
    assert!(
        report.finding("clock-differs").contains(side),
        "{report:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn expired_credentials_are_found() -> Result<()> {
    let site = site()?;
    let mut operator = Operator::new(&["APP"])?;
    operator.write(site.path())?;
    let server = operator.server_config(Resolver::Memory, site.path(), "")?;
    let server = site.start_server_with(&server).await?;
    operator.service = operator
        .callout
        .renew(&operator.service, "service", unix_now() - 60)?;
    operator.write(site.path())?;
    site.write_config("portcullis.toml", &operator.host_config(&server.url(), ""))?;

    let report = doctor(&site, &[], &[]).await?;

    assert_eq!(
        report.codes(),
        ["credentials-expired", "login-refused"],
        "{report:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_wrong_authority_is_found() -> Result<()> {
    let site = site()?;
    let authority = Authority::create(&site.path().join("tls"))?;
    let other = Authority::create(&site.path().join("other"))?;
    let certificate = authority.issue("server")?;
    let config = site.server_config(Accounts::Several, &site.keys.issuer.public_key());
    let server = site
        .start_server_with(&format!(
            "{config}tls {{ cert_file: \"{}\", key_file: \"{}\", timeout: 5 }}\n",
            certificate.file.display(),
            certificate.key_file.display(),
        ))
        .await?;
    let trust = |file: &Path| {
        let line = format!("[nats]\ntls-ca-file = \"{}\"\n", file.display());
        move |config: String| config.replace("[nats]\n", &line)
    };

    configure(&site, &server, trust(&other.file))?;
    let report = doctor(&site, &[], &[]).await?;
    assert_eq!(report.codes(), ["tls-failed"], "{report:#?}");
    assert!(
        report
            .finding("tls-failed")
            .contains("invalid peer certificate"),
        "{report:#?}"
    );

    configure(&site, &server, trust(&authority.file))?;
    let right = doctor(&site, &[], &[]).await?;
    assert_eq!(right.codes(), [""; 0], "{right:#?}");
    Ok(())
}

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

/// A limit on the size of files stands for a full file system.
#[tokio::test]
async fn a_full_state_directory_is_found() -> Result<()> {
    let site = site()?;
    fs::create_dir(site.path().join("state"))?;
    let server = site.start_server(Accounts::Several).await?;
    configure(&site, &server, |config| config)?;
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"])
        .arg(Built::portcullis()?)
        .args(["doctor", "--json", "--config"])
        .arg(site.path().join("portcullis.toml"))
        .stdin(Stdio::null())
        .kill_on_drop(true);

    let output = timeout(PATIENCE, command.output()).await??;

    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let report = Report::parse(output.status.code(), &stdout, &stderr)?;
    assert_eq!(report.codes(), ["state-directory-full"], "{report:#?}");
    let left = fs::read_dir(site.path().join("state"))?.count();
    assert_eq!(left, 0, "the trial leaves nothing behind");
    Ok(())
}

#[tokio::test]
async fn hosts_that_differ_are_found() -> Result<()> {
    let site = site()?;
    put_sensor(&site.policies).await?;
    let server = site.start_server(Accounts::Several).await?;
    let first = site.start_host(&server).await?;
    let second = PolicyDirectory::create(site.path().join("second"))?;
    put_sensor(&second).await?;
    let other = settings(&[sensor("mute", "").await?]);
    second.put_settings(POLICY, &other)?;
    let config = site.host_config(&server.url(), "state-directory = \"second-state\"\n");
    let config = config.replace("directory = \"policies\"", "directory = \"second\"");
    let second = Host::spawn(&site.write_config("second.toml", &config)?, &[])?;
    first.decides().await?;
    second.decides().await?;

    let report = doctor(&site, &[], &[]).await?;

    assert!(report.codes().contains(&"hosts-differ"), "{report:#?}");
    assert_eq!(report.code, Some(86), "{report:#?}");
    Ok(())
}

#[tokio::test]
async fn policies_and_keys_that_every_user_can_change_are_found() -> Result<()> {
    let site = site()?;
    let server = site.start_server(Accounts::Several).await?;
    configure(&site, &server, |config| config)?;
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(site.policies.path(), open.clone())?;
    fs::set_permissions(site.path().join("keys/issuer.nk"), open)?;

    let report = doctor(&site, &[], &[]).await?;

    assert_eq!(
        report.codes(),
        ["secret-exposed", "policies-exposed"],
        "{report:#?}"
    );
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

/// Gives the file this mode.
fn set_mode(file: &Path, mode: u32) -> Result<()> {
    Ok(fs::set_permissions(file, fs::Permissions::from_mode(mode))?)
}

#[tokio::test]
async fn what_can_be_fixed_is_shown_and_fixed_on_request() -> Result<()> {
    let site = site()?;
    let callout = site.keys.callout.public_key();
    let config = site.server_config(Accounts::Several, &site.keys.issuer.public_key());
    let config = config.replace(&format!("auth_users: [ {callout}, "), "auth_users: [ ");
    let server = site
        .start_server_with(&config.replace("timeout: 5", "timeout: 2"))
        .await?;
    configure(&site, &server, |config| config)?;
    let seed = site.path().join("keys/issuer.nk");
    set_mode(&seed, 0o644)?;
    let content = fs::read(&seed)?;
    let conf = server_conf(&site);

    let shown = doctor(&site, &["--server-conf", &conf, "--fix"], &[]).await?;
    assert_eq!(shown.code, Some(85), "{shown:#?}");
    let fixes = shown.json["fixes"].as_array().context("no fixes")?;
    assert_eq!(fixes.len(), 2, "{shown:#?}");
    assert!(fixes.iter().all(|fix| fix["applied"] == false));
    let list = format!("auth_users: [ observer, {callout} ]");
    assert!(fixes[1]["diff"].to_string().contains(&list), "{shown:#?}");
    assert!(!fs::read_to_string(&conf)?.contains(&list), "only shown");

    let arguments = ["--server-conf", &conf, "--fix", "--write"];
    let written = doctor(&site, &arguments, &[]).await?;
    let fixes = written.json["fixes"].as_array().context("no fixes")?;
    assert!(
        fixes.iter().all(|fix| fix["applied"] == true),
        "{written:#?}"
    );
    assert!(fs::read_to_string(&conf)?.contains(&list));
    let backup = fixes[1]["backup"].as_str().context("no backup")?;
    assert!(!fs::read_to_string(backup)?.contains(&list));
    assert_eq!(fs::read(&seed)?, content);
    assert_eq!(fs::metadata(&seed)?.permissions().mode() & 0o777, 0o600);

    // The server takes the changed file.
    let _server = server.stop().await?.await?;
    let after = doctor(&site, &["--server-conf", &conf], &[]).await?;
    assert_eq!(after.codes(), [""; 0], "{after:#?}");
    Ok(())
}
