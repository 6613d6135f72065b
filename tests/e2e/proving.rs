//! Modules that are proved in processes of their own, and a host that stops in the meantime.

use std::fs;
use std::path::Path;
use std::process::Output;

use anyhow::{Context, Result};
use portcullis_harness::{
    Accounts, Built, Gauge, Host, PATIENCE, Release, Site, Wire, log_in, nested_component,
    nested_world, run_portcullis, with_loops,
};
use rstest::rstest;
use serde_json::json;

use crate::support::{ALICE, POLICY, Serving, alice, settings, site_with, static_users};

/// More policies than can be loaded before a test gives up: each takes the five seconds of
/// `configure`.
const MANY: usize = 100;

/// Returns the kernel's status of each child process of the host.
fn children(host: &Host) -> Result<Vec<String>> {
    let parent = format!("\nPPid:\t{}\n", host.id()?);
    let processes = fs::read_dir("/proc")?.filter_map(Result::ok);
    let statuses =
        processes.filter_map(|process| fs::read_to_string(process.path().join("status")).ok());
    Ok(statuses.filter(|status| status.contains(&parent)).collect())
}

/// Waits until the host has a child that has confined itself.
async fn confined_child(host: &Host) -> Result<String> {
    loop {
        let confined = |status: &String| status.contains("\nSeccomp:\t2\n");
        if let Some(status) = children(host)?.into_iter().find(confined) {
            return Ok(status);
        }
        tokio::task::yield_now().await;
    }
}

fn put_many(site: &Site) -> Result<()> {
    let slow = Built::guest("spins_in_configure")?;
    (0..MANY).try_for_each(|number| site.policies.put_module(&format!("slow-{number}"), &slow))
}

#[tokio::test]
async fn modules_that_hurt_their_reader_do_not_hurt_the_host() -> Result<()> {
    let settings = settings(&[alice("").await?]);
    let site = site_with(Release::Nats2_15, &settings)?;
    site.policies
        .put_module("nested", &nested_component(1_000))?;
    let server = site.start_server(Accounts::Several).await?;
    let mut host = site.spawn_host(&server, "load-memory = \"512MiB\"\n")?;
    host.ready().await?;
    log_in(&server.url(), ALICE, "before").await?;
    let before = Gauge::of(host.id()?)?.memory;

    let large = with_loops(&static_users()?, 49_900, 40_000)?;
    for (module, part) in [
        (nested_component(1_000_000), "ran out of stack"),
        (nested_world(1_000_000), "ran out of stack"),
        (large, "more than 512.0 MiB of memory"),
    ] {
        let mark = host.log().len();
        site.policies.put_module(POLICY, &module)?;
        let rejected = host
            .wait_from(mark, "a refusal", |event| event.says("policy rejected"))
            .await?;
        assert!(rejected.text("error").contains(part), "{rejected:?}");
        assert!(
            rejected.text("policy.serving").starts_with("sha256:"),
            "{rejected:?}"
        );
        log_in(&server.url(), ALICE, part).await?;
    }
    let after = Gauge::of(host.id()?)?.memory;
    assert!(after < before + (64 << 10), "{before} KiB, then {after}");
    assert!(host.is_running()?);

    // A start with such a file, and without an earlier good version.
    host.kill().await?;
    let again = site.spawn_host(&server, "load-memory = \"512MiB\"\n")?;
    again.ready().await?;
    log_in(&server.url(), ALICE, "again").await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn check_and_inspect_survive_what_they_read(
    #[values(1_000, 1_000_000)] levels: usize,
) -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let config = site.write_config(
        "portcullis.toml",
        &site.host_config("nats://127.0.0.1:1", ""),
    )?;
    site.policies
        .put_module("component", &nested_component(levels))?;
    site.policies.put_module("world", &nested_world(levels))?;
    let config = config.to_string_lossy();
    for verb in [&["check"][..], &["policy", "test"]] {
        let arguments = [verb, &["--config", &config]].concat();
        let finished = run_portcullis(&arguments, "").await?;
        assert_eq!(finished.code, Some(65), "{verb:?}: {finished:?}");
        for file in ["component", "world"] {
            assert!(finished.stdout.contains(file), "{verb:?}: {finished:?}");
        }
    }
    for file in ["component.wasm", "world.wasm"] {
        let file = site.policies.path().join(file);
        let finished = run_portcullis(&["inspect", &file.to_string_lossy()], "").await?;
        assert_eq!(finished.code, Some(65), "{finished:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_child_has_taken_away_from_itself_what_it_does_not_need() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    site.policies
        .put_module("slow", &Built::guest("spins_in_configure")?)?;
    let server = site.start_server(Accounts::Several).await?;
    let host = site.spawn_host(&server, "")?;
    let status = confined_child(&host).await?;
    assert!(status.contains("\nNoNewPrivs:\t1\n"), "{status}");
    let id = status.lines().find_map(|line| line.strip_prefix("Pid:\t"));
    let id = id.context("a process without an id")?;
    let limits = fs::read_to_string(format!("/proc/{id}/limits"))?;
    let limit = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next().map(str::to_owned))
    };
    let data: u64 = limit("Max data size").context("no limit")?.parse()?;
    assert!((1 << 30..3 << 29).contains(&data), "{limits}");
    assert_eq!(
        limit("Max core file size").as_deref(),
        Some("0"),
        "{limits}"
    );
    assert_eq!(limit("Max open files").as_deref(), Some("32"), "{limits}");
    let said = "policies are proved in child processes";
    let said = host.wait_for(said, |event| event.says(said)).await?;
    for field in ["child.limits", "child.files", "child.calls"] {
        assert!(!said.text(field).is_empty(), "{said:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_host_that_starts_slowly_is_stopped_at_once() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    put_many(&site)?;
    let server = site.start_server(Accounts::Several).await?;
    let mut host = site.spawn_host(&server, "")?;
    confined_child(&host).await?;
    host.ask_to_stop().await?;
    // The host stops within a minute, while loading all policies would take minutes.
    assert_eq!(host.ended().await?, Some(0));
    Ok(())
}

#[tokio::test]
async fn a_host_that_is_loading_policies_is_stopped_at_once() -> Result<()> {
    let mut serving = Serving::start(Release::Nats2_15, &settings(&[alice("").await?])).await?;
    put_many(&serving.site)?;
    confined_child(&serving.host).await?;
    log_in(&serving.url(), ALICE, "meanwhile").await?;
    serving.host.ask_to_stop().await?;
    assert_eq!(serving.host.ended().await?, Some(0));
    Ok(())
}

/// Covers a login whose denial is held back for two seconds when the signal arrives.
#[tokio::test]
async fn a_login_in_flight_is_answered_although_policies_are_loading() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    site.policies
        .put_module("flood", &Built::guest("floods_the_log")?)?;
    let server = site.start_server(Accounts::Several).await?;
    let deny = "[callout]\ndeny = { end-of-chain = \"delay\", delay = \"2s\" }\n";
    let config = site.host_config(&server.url(), "");
    let mut host = site.spawn_host_with(&config.replace("[callout]\n", deny))?;
    host.ready().await?;
    put_many(&site)?;
    confined_child(&host).await?;

    let mark = host.log().len();
    let mut wire = Wire::open(server.port()).await?;
    let presented = json!({ "name": "desk" });
    let login = wire.log_in(&presented);
    let stop = async {
        host.says_from(mark, "policy log").await?;
        host.ask_to_stop().await?;
        host.ended().await
    };
    let (answer, code) = tokio::join!(login, stop);

    assert_eq!(code?, Some(0));
    assert!(answer?.is_refused_without_reason());
    let decision = host.decision("desk").await?;
    assert_eq!(decision.text("reply"), "sent", "{decision:?}");
    assert_eq!(decision.text("denial.class"), "end-of-chain");
    Ok(())
}

/// Runs a verb of the host under a limit of the shell until it ends.
async fn run_within(limit: &str, verb: &str, config: &Path) -> Result<Output> {
    let output = tokio::process::Command::new("/bin/sh")
        .arg("-c")
        .arg(format!(r#"{limit}; exec "$0" {verb} --config "$1""#))
        .arg(Built::portcullis()?)
        .arg(config)
        .kill_on_drop(true)
        .output();
    Ok(tokio::time::timeout(PATIENCE, output).await??)
}

#[tokio::test]
async fn files_that_take_no_space_on_disk_do_not_fill_the_memory_of_the_host() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let config = site.host_config("nats://127.0.0.1:1", "");
    let config = site.write_config("portcullis.toml", &config)?;
    let directory = config.with_file_name("policies");
    std::fs::create_dir_all(&directory)?;
    for number in 0..61 {
        for (end, size) in [("wasm", 8 << 20), ("toml", 32 << 20)] {
            let path = directory.join(format!("big{number}.{end}"));
            std::fs::File::create(path)?.set_len(size)?;
        }
    }
    let output = run_within("ulimit -d 1000000", "check", &config).await?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(65), "{said}");
    assert!(
        said.contains("the policy directory has more than"),
        "{said}"
    );
    Ok(())
}

#[tokio::test]
async fn a_host_without_address_space_for_its_decisions_says_so_and_does_not_start() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let config = site.host_config("nats://127.0.0.1:1", "");
    let config = site.write_config("portcullis.toml", &config)?;
    let output = run_within("ulimit -v 8388608", "serve", &config).await?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(70), "{said}");
    assert!(
        said.contains("no address space") && said.contains("`LimitAS=`"),
        "{said}"
    );
    assert!(!said.contains("policy rejected"), "{said}");
    Ok(())
}

/// Denies itself new executable memory, as `MemoryDenyWriteExecute=` does, and runs a program. Ends
/// with 77 if the kernel cannot do that (before Linux 6.3).
const WITHOUT_NEW_CODE: &str = "\
import ctypes, os, sys
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
    sys.exit(77)
os.execv(sys.argv[1], sys.argv[1:])
";

#[tokio::test]
async fn a_host_that_may_not_run_compiled_code_says_so_and_does_not_start() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    site.policies.put_module(POLICY, &static_users()?)?;
    let config = site.host_config("nats://127.0.0.1:1", "");
    let config = site.write_config("portcullis.toml", &config)?;
    let output = tokio::process::Command::new(Built::python()?)
        .args(["-c", WITHOUT_NEW_CODE])
        .arg(Built::portcullis()?)
        .args(["serve", "--config"])
        .arg(config)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output).await??;
    if output.status.code() == Some(77) {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(70), "{said}");
    assert!(said.contains("`MemoryDenyWriteExecute=`"), "{said}");
    assert!(!said.contains("policy rejected"), "{said}");
    Ok(())
}
