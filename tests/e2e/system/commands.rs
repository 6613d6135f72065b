//! `portcullis system`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use portcullis_harness::{Finished, Release, run_portcullis};
use rstest::rstest;
use serde_json::Value;

use super::{ADMIN, ADMIN_PASSWORD, System};

const EXIT_UNREACHABLE: Option<i32> = Some(69);
const EXIT_CANNOT_WRITE: Option<i32> = Some(73);
const EXIT_REFUSED: Option<i32> = Some(84);

/// Runs `portcullis system` as the user of the system account.
async fn run(system: &System, arguments: &[&str]) -> Result<Finished> {
    let password = system.site.path().join("admin.password");
    fs::write(&password, ADMIN_PASSWORD)?;
    run_as(system, ADMIN, &password, arguments).await
}

async fn run_as(
    system: &System,
    user: &str,
    password: &Path,
    arguments: &[&str],
) -> Result<Finished> {
    let url = system.server()?.url();
    let (verb, rest) = arguments.split_first().context("no command")?;
    let mut all = vec!["system", verb, "--server", &url, "--user", user];
    let password = password.to_string_lossy();
    all.extend(["--password-file", &password]);
    all.extend(rest);
    run_portcullis(&all, "").await
}

fn lines(finished: &Finished) -> Result<Vec<Value>> {
    let lines = finished.stdout.lines().map(serde_json::from_str);
    lines
        .collect::<Result<_, _>>()
        .with_context(|| format!("{finished:?}"))
}

#[rstest]
#[tokio::test]
async fn operators_see_and_command_servers(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let system = System::start(release, &["a", "b"]).await?;
    let (_connection, client) = system.connect().await?;
    let _desk = system.alice("desk").await?;

    let ping = run(&system, &["ping", "--expect", "2", "--json"]).await?;
    assert_eq!(ping.code, Some(0), "{ping:?}");
    let answers = lines(&ping)?;
    assert_eq!(answers[0]["server"]["name"], "a");
    assert_eq!(answers[1]["data"]["active_servers"], 2);
    assert!(answers[1]["elapsed_ms"].as_f64().is_some());
    let ping = run(&system, &["ping", "--expect", "3", "--wait", "500ms"]).await?;
    assert_eq!(ping.code, EXIT_UNREACHABLE, "{ping:?}");
    assert!(ping.stderr.contains("2 of 3 servers answered"), "{ping:?}");

    let servers = run(&system, &["servers", "--expect", "2"]).await?;
    assert_eq!(servers.code, Some(0), "{servers:?}");
    let table: Vec<Vec<_>> = servers
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(table[0][..3], ["SERVER", "RELEASE", "CLUSTER"]);
    assert_eq!((table[1][0], table[1][2]), ("a", "one"));
    assert_eq!(table[2][0], "b");

    let of_app = ["connections", "--account", "APP", "--json", "--expect", "2"];
    let connections = run(&system, &of_app).await?;
    let found = lines(&connections)?;
    assert_eq!(found.len(), 1, "{connections:?}");
    assert_eq!(found[0]["server"]["name"], "a");
    assert_eq!(found[0]["connection"]["name"], "desk");
    let cid = found[0]["connection"]["cid"].to_string();
    let table = run(&system, &["connections", "a"]).await?;
    assert!(table.stdout.contains("alice"), "{table:?}");

    let ldm = run(&system, &["ldm", "a", &cid]).await?;
    assert_eq!(ldm.code, Some(0), "{ldm:?}");
    let kicked = run(&system, &["kick", "--of-user", "alice", "--expect", "2"]).await?;
    assert_eq!(
        kicked.stdout,
        format!("a: connection {cid} closed\n"),
        "{kicked:?}"
    );
    let again = run(&system, &["kick", "a", "1000000"]).await?;
    assert_eq!(again.code, EXIT_REFUSED, "{again:?}");
    assert!(again.stderr.contains("no such client"), "{again:?}");

    let profile = system.site.path().join("heap.pprof");
    let write = ["profile", "a", "heap", "--out", &profile.to_string_lossy()];
    let written = run(&system, &write).await?;
    assert_eq!(written.code, Some(0), "{written:?}");
    assert!(fs::read(&profile)?.starts_with(&[0x1f, 0x8b]));
    let written = run(&system, &write).await?;
    assert_eq!(written.code, EXIT_CANNOT_WRITE, "{written:?}");

    let id = system.id(&client, "b").await?;
    let reload = run(&system, &["reload", id.as_str()]).await?;
    assert_eq!(reload.code, Some(0), "{reload:?}");
    system.write_config("b", "no_such_key: 1")?;
    let reload = run(&system, &["reload", "b"]).await?;
    assert_eq!(reload.code, EXIT_REFUSED, "{reload:?}");
    assert!(reload.stderr.contains("server `b`"), "{reload:?}");
    assert!(reload.stderr.contains("no_such_key"), "{reload:?}");

    // All connections of a user but that of the command itself, which is the same user's.
    let kicked = run(&system, &["kick", "a", "--of-user", ADMIN]).await?;
    assert_eq!(kicked.code, Some(0), "{kicked:?}");
    assert_eq!(kicked.stdout.lines().count(), 1, "{kicked:?}");
    let none = run(&system, &["kick", "a", "--of-user", "bob"]).await?;
    assert_eq!(none.code, EXIT_REFUSED, "{none:?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn each_event_is_a_line(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let system = System::start(release, &["a"]).await?;
    // The first event is the command's own login, or that of alice if it comes after the
    // subscription.
    let kinds = [
        "events",
        "--kind",
        "connect",
        "--account",
        "APP",
        "--count",
        "1",
    ];
    let alice = async {
        loop {
            system.alice("desk").await?;
            tokio::task::yield_now().await;
        }
    };
    let printed = tokio::select! {
        printed = run(&system, &kinds) => printed?,
        ended = alice => { let ended: Result<Finished> = ended; ended? }
    };
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert!(printed.stdout.contains("  connect "), "{printed:?}");
    assert!(
        printed.stdout.contains("`alice` in APP as `desk`"),
        "{printed:?}"
    );
    assert_eq!(printed.stdout.lines().count(), 1);
    Ok(())
}

#[tokio::test]
async fn a_login_outside_of_the_system_account_is_told_so() -> Result<()> {
    let system = System::start(Release::Nats2_15, &["a"]).await?;
    let password = system.site.path().join("alice.password");
    fs::write(&password, "alice-password")?;
    let ping = run_as(&system, "alice", &password, &["servers"]).await?;
    assert_eq!(ping.code, EXIT_UNREACHABLE, "{ping:?}");
    assert!(
        ping.stderr
            .contains("log in as a user of the system account"),
        "{ping:?}"
    );
    let wrong = run(&system, &["servers", "--server", "nats://127.0.0.1:1"]).await?;
    assert_eq!(wrong.code, Some(0), "the other address serves: {wrong:?}");
    Ok(())
}
