//! Files and directories of a site that are not what they should be, and names that write to the
//! terminal.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Result, ensure};
use portcullis_harness::{
    Accounts, Built, Event, Finished, PATIENCE, Release, Site, log_in, run_portcullis,
};
use rstest::rstest;
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::{POLICY, SENSOR, Serving, sensor, sensor_site, settings};

/// A sequence that makes a terminal write in red.
const RED: &str = "\u{1b}[31m";

/// Puts a FIFO without a writer in the place of `path`.
async fn put_fifo(path: &Path) -> Result<()> {
    let fifo = path.with_extension("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().await?;
    ensure!(made.success(), "cannot make a FIFO");
    Ok(fs::rename(fifo, path)?)
}

/// Sets the mode of a file or directory.
fn set_mode(path: &Path, mode: u32) -> Result<()> {
    Ok(fs::set_permissions(path, Permissions::from_mode(mode))?)
}

/// Creates a site with a policy that passes `check`. Returns its configuration too.
async fn checked_site() -> Result<(Site, PathBuf)> {
    let site = sensor_site(Release::Nats2_15).await?;
    // The commands contact no server.
    let text = site.host_config("nats://127.0.0.1:1", "");
    let config = site.write_config("portcullis.toml", &text)?;
    Ok((site, config))
}

async fn portcullis(verb: &[&str], config: &Path) -> Result<Finished> {
    let config = config.to_string_lossy();
    run_portcullis(&[verb, &["--config", &config]].concat(), "").await
}

#[rstest]
#[tokio::test]
async fn a_fifo_in_place_of_a_file_of_a_policy_stops_nothing(
    #[values("static-users.toml", "static-users.tests.toml")] file: &str,
) -> Result<()> {
    let known = settings(&[sensor("everything", "").await?]);
    let mut serving = Serving::start(Release::Nats2_15, &known).await?;
    let path = serving.site.policies.path().join(file);
    let is_refused = |event: &Event| {
        event.says("policy rejected") && event.text("error").contains("not a regular file")
    };

    let mark = serving.mark();
    put_fifo(&path).await?;
    let host = &serving.host;
    host.wait_from(mark, "a refusal", is_refused).await?;
    serving.log_in(SENSOR, "meanwhile").await?;
    // SIGHUP tries what was refused again.
    let mark = serving.mark();
    host.signal("-HUP").await?;
    host.wait_from(mark, "a refusal after SIGHUP", is_refused)
        .await?;

    let mark = serving.mark();
    fs::remove_file(&path)?;
    let edited = format!("{known}\n# Edited.\n");
    serving.site.policies.put_settings(POLICY, &edited)?;
    serving.published_from(mark, POLICY).await?;

    let mark = serving.mark();
    put_fifo(&path).await?;
    let host = &mut serving.host;
    host.wait_from(mark, "a refusal", is_refused).await?;
    host.ask_to_stop().await?;
    assert_eq!(host.ended().await?, Some(0));
    Ok(())
}

#[tokio::test]
async fn check_does_not_wait_for_a_fifo_as_a_seed() -> Result<()> {
    let (site, config) = checked_site().await?;
    put_fifo(&site.path().join("keys/issuer.nk")).await?;
    let checked = portcullis(&["check"], &config).await?;
    assert_eq!(checked.code, Some(78), "{checked:?}");
    let said = format!("{}{}", checked.stdout, checked.stderr);
    for part in ["issuer.nk", "not a regular file"] {
        assert!(said.contains(part), "{checked:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_other_users_can_change_is_told_by_check_and_in_the_log() -> Result<()> {
    let (site, config) = checked_site().await?;
    let module = site.policies.path().join("static-users.wasm");
    let state = site.path().join("state");
    fs::create_dir(&state)?;
    let policies = "every user of this machine can change the policies";
    let unused = "no version is taken from it and none is kept: other users can write to it";
    let checked = portcullis(&["check"], &config).await?;
    for part in [policies, unused] {
        assert!(!checked.stdout.contains(part), "{checked:?}");
    }

    set_mode(&module, 0o666)?;
    set_mode(site.policies.path(), 0o777)?;
    set_mode(&state, 0o777)?;

    let checked = portcullis(&["check"], &config).await?;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let warns = |path: &Path, part: &str| {
        let path = path.display().to_string();
        let mut lines = checked.stdout.lines();
        lines.any(|line| {
            ["warning", &path, part]
                .iter()
                .all(|part| line.contains(part))
        })
    };
    assert!(warns(&module, policies), "{checked:?}");
    assert!(warns(site.policies.path(), policies), "{checked:?}");
    assert!(warns(&state, unused), "{checked:?}");

    let server = site.start_server(Accounts::Several).await?;
    let host = site.start_host(&server).await?;
    let log = host.log().all();
    let told = |message: &str, field: &str, path: &Path| {
        let path = path.display().to_string();
        let mut lines = log.iter().filter(|event| event.text("level") == "WARN");
        lines.any(|line| line.text("message").starts_with(message) && line.text(field) == path)
    };
    assert!(told(policies, "file", &module), "{log:?}");
    assert!(told(policies, "file", site.policies.path()), "{log:?}");
    assert!(
        log.iter().any(|event| event
            .text("message")
            .starts_with("state directory not used")),
        "{log:?}"
    );
    log_in(&server.url(), SENSOR, "served").await?;
    Ok(())
}

/// Runs a command of the host as a user whom file modes bind, also if this is root.
async fn run_bound(verb: &str, config: &Path) -> Result<Output> {
    let output = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!(
            r#"if [ "$(id -u)" = 0 ]; then bound="setpriv --bounding-set=-all"; fi
               exec $bound "$0" policy {verb} --config "$1""#
        ))
        .arg(Built::portcullis()?)
        .arg(config)
        .kill_on_drop(true)
        .output();
    Ok(timeout(PATIENCE, output).await??)
}

#[tokio::test]
async fn a_state_directory_that_cannot_be_read_is_named_with_the_reason() -> Result<()> {
    let (site, config) = checked_site().await?;
    let server = site.start_server(Accounts::Several).await?;
    drop(site.start_host(&server).await?);
    let state = site.path().join("state");
    assert!(state.join("status.json").is_file());
    set_mode(&state, 0o000)?;
    for verb in ["rollback static-users", "status"] {
        let output = run_bound(verb, &config).await?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(66), "{verb}: {said}");
        for part in [&*state.to_string_lossy(), "ermission denied"] {
            assert!(said.contains(part), "{verb}: {said}");
        }
        assert!(!said.contains("is kept"), "{verb}: {said}");
    }
    // The directory goes with the site.
    set_mode(&state, 0o700)
}

#[tokio::test]
async fn names_in_files_do_not_write_to_the_terminal() -> Result<()> {
    let (site, config) = checked_site().await?;
    let policies = site.policies.path();
    fs::write(policies.join(format!("{RED}name.wasm")), "")?;
    let tests = "[[tests]]\nname = \"\\u001b[31mtest\"\nlogin = { token = \"none\" }\n\
                 permit = { account = \"\\u001b[31maccount\" }\n";
    fs::write(policies.join("static-users.tests.toml"), tests)?;
    for (verb, told) in [
        (&["check"][..], &["name.wasm", "[31mtest"][..]),
        (&["policy", "test"], &["[31mtest"]),
    ] {
        let finished = portcullis(verb, &config).await?;
        assert_eq!(finished.code, Some(65), "{finished:?}");
        let said = format!("{}{}", finished.stdout, finished.stderr);
        assert!(!said.contains('\u{1b}'), "{finished:?}");
        for part in told {
            assert!(said.contains(part), "`{part}`: {finished:?}");
        }
    }
    let text = fs::read_to_string(&config)?;
    fs::write(&config, format!("\"\\u001b[31mkey\" = 1\n{text}"))?;
    let finished = portcullis(&["check"], &config).await?;
    assert_eq!(finished.code, Some(78), "{finished:?}");
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(
        said.contains("[31mkey") && !said.contains('\u{1b}'),
        "{finished:?}"
    );
    Ok(())
}
