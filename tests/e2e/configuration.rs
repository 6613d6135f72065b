//! `portcullis.toml` that changes while the host serves: SIGHUP and `portcullis reload`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use portcullis_harness::{
    Accounts, Credentials, Event, Finished, Host, NatsServer, Release, Site, is_refused, log_in,
    run_portcullis, until_read,
};
use serde_json::{Value, json};

use crate::health::metric;
use crate::support::{POLICY, SENSOR, sensor, sensor_site, settings, static_users};

/// Asks the host of this configuration to reload it.
pub(crate) async fn reload(config: &Path) -> Result<Finished> {
    let config = config.to_string_lossy();
    run_portcullis(&["reload", "--config", &config], "").await
}

/// A host with its configuration, which the tests change.
struct Stage {
    site: Site,
    server: NatsServer,
    host: Host,
    config: PathBuf,
    text: String,
}

impl Stage {
    /// Starts a host that knows the sensor.
    async fn start() -> Result<Self> {
        let site = sensor_site(Release::Nats2_15).await?;
        let server = site.start_server(Accounts::Several).await?;
        let pages = "[health]\nlisten = \"127.0.0.1:0\"\n";
        let text = site.host_config(&server.url(), pages);
        let config = site.write_config("portcullis.toml", &text)?;
        let host = Host::spawn(&config, &[])?;
        host.ready().await?;
        Ok(Self {
            site,
            server,
            host,
            config,
            text,
        })
    }

    /// Writes the first configuration with `line` after the head of `table`, and reloads it.
    async fn reload_with(&self, table: &str, line: &str) -> Result<Finished> {
        let head = format!("[{table}]\n");
        let text = if self.text.contains(&head) {
            self.text.replacen(&head, &format!("{head}{line}\n"), 1)
        } else {
            format!("{}\n{head}{line}\n", self.text)
        };
        fs::write(&self.config, text)?;
        reload(&self.config).await
    }

    /// Reloads as [`Self::reload_with`] does, and checks that `key` took effect.
    async fn applies(&self, table: &str, key: &str, value: &str) -> Result<()> {
        let reloaded = self.reload_with(table, &format!("{key} = {value}")).await?;
        let expected = format!("in effect: {table}.{key}");
        assert!(reloaded.stdout.contains(&expected), "{reloaded:?}");
        assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
        Ok(())
    }

    /// Returns whether the last reload failed, by the host's metrics.
    async fn is_failing(&self) -> Result<bool> {
        let served = self.host.says("health served").await?;
        let name = "portcullis_configuration_failing";
        let value = metric(served.text("health.address"), name).await?;
        Ok(value == 1)
    }

    /// Returns the decision on a login of the sensor.
    async fn decision(&self, name: &str) -> Result<Event> {
        drop(log_in(&self.server.url(), SENSOR, name).await);
        self.host.decision(name).await
    }

    /// Returns the class of the denial of a login of the sensor. Empty for a permit.
    async fn denial(&self, name: &str) -> Result<String> {
        let decision = self.decision(name).await?;
        Ok(decision.text("denial.class").to_owned())
    }
}

#[tokio::test]
async fn each_kind_of_change_takes_effect_while_the_host_runs() -> Result<()> {
    let mut stage = Stage::start().await?;
    assert_eq!(stage.denial("before").await?, "");

    stage
        .applies("ceilings.accounts.APP", "on-excess", "\"refuse\"")
        .await?;
    assert_eq!(stage.denial("ceiling").await?, "ceiling-exceeded");

    stage.applies("callout", "deadline", "\"2s\"").await?;
    assert_eq!(stage.denial("no ceiling").await?, "");

    stage
        .applies("callout", "trusted-server-tags", "[\"other\"]")
        .await?;
    let mark = stage.host.log().len();
    assert!(is_refused(
        &log_in(&stage.server.url(), SENSOR, "untrusted").await
    ));
    let refused = stage.host.says_from(mark, "request refused").await?;
    assert_eq!(refused.text("refusal.reason"), "server-not-trusted");

    stage
        .applies("identity.throttle", "user-failures", "1")
        .await?;
    for (name, class) in [("first", "end-of-chain"), ("second", "throttled")] {
        let wrong = Credentials::Password("mallory", "wrong");
        assert!(is_refused(&log_in(&stage.server.url(), wrong, name).await));
        let decision = stage.host.decision(name).await?;
        assert_eq!(decision.text("denial.class"), class);
    }

    // Another policy permits the sensor too. The order of the configuration selects one.
    let settings = settings(&[sensor("mute", "").await?]);
    let mark = stage.host.log().len();
    stage
        .site
        .policies
        .put_policy("a-second", &static_users()?, &settings)?;
    stage.host.published_from(mark, "a-second").await?;
    let decision = stage.decision("by name").await?;
    assert_eq!(decision.text("policy.name"), "a-second");
    stage
        .applies("policies", "order", "[\"static-users\"]")
        .await?;
    let decision = stage.decision("by order").await?;
    assert_eq!(decision.text("policy.name"), "static-users");

    stage.text = stage.text.replace("[\"APP\"]", "[\"OTHER\"]");
    let reloaded = stage.reload_with("log", "level = \"debug\"").await?;
    for key in ["callout.target-accounts", "log.level", "policies.order"] {
        assert!(
            reloaded.stdout.contains(&format!("in effect: {key}\n")),
            "{reloaded:?}"
        );
    }
    assert_eq!(stage.denial("target").await?, "account-not-allowed");
    let events = stage.host.log().all();
    assert!(events.iter().any(|event| event.text("level") == "DEBUG"));
    Ok(())
}

#[tokio::test]
async fn a_wrong_file_changes_nothing_and_names_its_line() -> Result<()> {
    let stage = Stage::start().await?;
    let lines = "target-accounts = [\"OTHER\"]\ndeadline = \"soon\"";
    let text = stage.text.replace("target-accounts = [\"APP\"]", lines);
    fs::write(&stage.config, &text)?;
    let line = text.lines().position(|line| line.contains("soon"));
    let line = line.context("no such line")? + 1;
    let refused = reload(&stage.config).await?;
    assert_eq!(refused.code, Some(78), "{refused:?}");
    let named = format!("portcullis.toml:{line}: callout.deadline: ");
    assert!(refused.stdout.contains(&named), "{refused:?}");
    assert!(
        refused
            .stdout
            .ends_with("not reloaded: nothing has changed\n"),
        "{refused:?}"
    );
    assert_eq!(stage.denial("after a wrong value").await?, "");

    for (table, line, problem) in [
        (
            "policies",
            "order = [\"nowhere\"]",
            "no login would get past them: `nowhere`",
        ),
        ("callout", "xkey-seed-file = \"nowhere.nk\"", "nowhere.nk"),
        ("log", "level = \"info[x\"", "log.level"),
    ] {
        let refused = stage.reload_with(table, line).await?;
        assert_eq!(refused.code, Some(78), "{refused:?}");
        assert!(refused.stdout.contains(problem), "{refused:?}");
        assert_eq!(stage.denial(problem).await?, "");
    }

    // Other keys depend on the account, so none of them changes before a restart.
    let text = stage.text.replace("[\"APP\"]", "[\"OTHER\"]");
    fs::write(&stage.config, text.replace("\"AUTH\"", "\"AUTH2\""))?;
    let refused = reload(&stage.config).await?;
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.stdout.contains("`callout.account`"), "{refused:?}");
    assert_eq!(stage.denial("another account").await?, "");

    assert!(stage.is_failing().await?);
    fs::write(&stage.config, &stage.text)?;
    let reloaded = reload(&stage.config).await?;
    assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
    assert!(!stage.is_failing().await?);
    Ok(())
}

#[tokio::test]
async fn a_change_that_needs_a_restart_is_named_until_then() -> Result<()> {
    let stage = Stage::start().await?;
    let lines = "connections = 1\nname = \"x\"";
    for _ in 0..2 {
        let reloaded = stage.reload_with("nats", lines).await?;
        assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
        assert_eq!(
            reloaded.stdout,
            "needs a restart: nats.connections\nneeds a restart: nats.name\n\
             reloaded: no key has changed that a running host applies\n"
        );
    }
    let config = stage.config.to_string_lossy();
    let json = run_portcullis(&["reload", "--config", &config, "--json"], "").await?;
    let report: Value = serde_json::from_str(&json.stdout)?;
    assert_eq!(report["reloaded"], true);
    assert_eq!(
        report["needs_restart"],
        json!(["nats.connections", "nats.name"])
    );

    let mark = stage.host.log().len();
    stage.host.signal("-HUP").await?;
    let reloaded = stage.host.says_from(mark, "configuration reloaded").await?;
    assert_eq!(
        reloaded.text("reload.needs_restart"),
        "nats.connections,nats.name"
    );
    Ok(())
}

#[tokio::test]
async fn no_host_is_an_exit_code_of_its_own() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    // The command contacts no server.
    let text = site.host_config("nats://127.0.0.1:4222", "");
    let config = site.write_config("portcullis.toml", &text)?;
    let alone = reload(&config).await?;
    assert_eq!(alone.code, Some(69), "{alone:?}");
    assert!(alone.stderr.contains("no host answers at"), "{alone:?}");
    Ok(())
}

#[tokio::test]
async fn a_state_directory_that_was_removed_is_made_again_while_the_host_serves() -> Result<()> {
    let site = sensor_site(Release::Nats2_15).await?;
    let server = site.start_server(Accounts::Several).await?;
    let text = site.host_config(&server.url(), "poll-interval = \"100ms\"\n");
    let config = site.write_config("portcullis.toml", &text)?;
    let host = Host::spawn(&config, &[])?;
    host.ready().await?;
    let state = site.path().join("state");
    let kept = state.join("versions").join(POLICY).join("1");
    assert!(kept.exists());

    fs::remove_dir_all(&state)?;

    host.says("control socket made again").await?;
    let reloaded = reload(&config).await?;
    assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
    let restored = || kept.exists().then_some(());
    until_read(site.path(), "the kept version", restored).await?;
    let written = || fs::read_to_string(state.join("status.json")).ok();
    until_read(site.path(), "the status", written).await?;
    let config = config.to_string_lossy();
    let status = run_portcullis(&["policy", "status", "--config", &config], "").await?;
    assert_eq!(status.code, Some(0), "{status:?}");
    Ok(())
}
