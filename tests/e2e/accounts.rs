//! Operators, accounts and users that the program makes, with real servers.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use portcullis_harness::{
    Answer, Built, Credentials, Host, Made, PolicyDirectory, Release, Wire, hash, log_in,
    run_portcullis,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{POLICY, settings, static_users, user};

/// The exit code of a command whose JWT another one has changed.
const CHANGED: Option<i32> = Some(75);

#[rstest]
#[case(Release::Nats2_10, &["--oldest-server", "2.10.26"])]
#[case(Release::Nats2_15, &[])]
#[tokio::test]
async fn what_init_makes_serves_a_login(
    #[case] release: Release,
    #[case] arguments: &[&str],
) -> Result<()> {
    let made = Made::new(arguments).await?;
    for name in [
        "creds/callout.creds",
        "creds/system.creds",
        "keys/app.nk",
        "keys/issuer.nk",
    ] {
        let mode = fs::metadata(made.path(name))?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let server = made.start_server(release).await?;
    let config = made.point_at(&server)?;
    let policies = PolicyDirectory::create(made.path("policies"))?;
    let password = format!("password = \"{}\"", hash("secret", &[]).await?);
    let alice = user("alice", &password, "own", "account = \"APP\"");
    policies.put_policy(POLICY, &static_users()?, &settings(&[alice]))?;
    let checked = run_portcullis(&["check", "--config", &config.to_string_lossy()], "").await?;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let host = Host::spawn(&config, &[])?;
    host.ready().await?;

    if release == Release::Nats2_15 {
        // The server presents the sentinel for the client.
        let alice = Credentials::Password("alice", "secret");
        log_in(&server.url(), alice, "desk").await?;
    }
    let sentinel = fs::read_to_string(made.path("creds/sentinel.creds"))?;
    let sentinel = sentinel.lines().find(|line| line.starts_with("eyJ"));
    let mut fields = json!({ "jwt": sentinel, "user": "alice", "pass": "secret" });
    let mut wire = Wire::open(server.port()).await?;
    assert_eq!(wire.log_in(&fields).await?, Answer::Admitted);
    fields["pass"] = "wrong".into();
    let mut wire = Wire::open(server.port()).await?;
    assert_ne!(wire.log_in(&fields).await?, Answer::Admitted);

    let system = made.system(&server).await?;
    let reply = system
        .request("$SYS.REQ.SERVER.PING.IDZ", "".into())
        .await?;
    assert!(!reply.payload.is_empty());
    Ok(())
}

#[rstest]
#[tokio::test]
async fn servers_accept_what_init_makes(
    #[values("memory", "full", "url")] resolver: &str,
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut arguments = vec!["--resolver", resolver];
    if release == Release::Nats2_10 {
        arguments.extend(["--oldest-server", "2.10.26"]);
    }
    let made = Made::new(&arguments).await?;
    let tested = Command::new(release.program()?)
        .arg("-t")
        .arg("-c")
        .arg(made.path("nats-server.conf"))
        .stderr(Stdio::piped())
        .output()
        .await?;
    let said = String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{said}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn users_of_the_store_log_in_until_they_are_revoked(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let made = Made::new(&["--resolver", "full", "--oldest-server", "2.10.26"]).await?;
    let creds = |name: &str| made.path(&format!("{name}.creds"));
    let worker = creds("worker").display().to_string();
    made.text(&format!(
        "user add worker --account APP --allow-pub jobs.> --creds {worker}"
    ))
    .await?;
    let server = made.start_server(release).await?;
    let client = made.log_in(&server, &creds("worker")).await?;
    client.flush().await?;

    let system = made.path("creds/system.creds");
    let servers = format!("--server {} --creds {}", server.url(), system.display());
    let push = async || {
        let pushed = made.text(&format!("account push APP {servers}")).await?;
        ensure!(pushed.contains(": jwt updated"), "{pushed}");
        Ok(())
    };
    made.text("account add-key APP --role reader --allow-sub news.> --deny-pub >")
        .await?;
    let reader = creds("reader").display().to_string();
    made.text(&format!(
        "user add reader --account APP --role reader --creds {reader}"
    ))
    .await?;
    push().await?;
    made.log_in(&server, &creds("reader")).await?;

    made.text("user revoke worker --account APP").await?;
    push().await?;
    let verified = made.run(&format!("creds verify {worker}")).await?;
    assert!(
        verified.stdout.contains("the account has revoked it"),
        "{verified:?}"
    );
    assert!(made.log_in(&server, &creds("worker")).await.is_err());

    made.text("user edit worker --account APP").await?;
    let again = creds("again").display().to_string();
    made.text(&format!("creds mint worker --account APP --out {again}"))
        .await?;
    made.log_in(&server, &creds("again")).await?;

    let deleted = made.text(&format!("account delete APP {servers}")).await?;
    assert!(deleted.contains(": deleted 1 accounts"), "{deleted}");
    assert!(made.log_in(&server, &creds("again")).await.is_err());
    Ok(())
}

#[tokio::test]
async fn processes_that_write_at_once_lose_no_write() -> Result<()> {
    const EACH: usize = 8;
    let made = Made::new(&[]).await?;
    let write = async |writer: &str| {
        for index in 0..EACH {
            let line = format!("account edit APP --tag {writer}{index}");
            loop {
                let finished = made.run(&line).await?;
                match finished.code {
                    Some(0) => break,
                    CHANGED => {}
                    _ => anyhow::bail!("{finished:?}"),
                }
            }
        }
        anyhow::Ok(())
    };
    tokio::try_join!(write("a"), write("b"))?;
    let shown: Value = serde_json::from_str(&made.text("account describe APP --json").await?)?;
    let tags = shown.pointer("/claims/nats/tags").and_then(Value::as_array);
    assert_eq!(tags.context("no tags")?.len(), 2 * EACH, "{shown:#}");
    Ok(())
}

#[tokio::test]
async fn a_process_that_is_killed_leaves_a_store_that_serves() -> Result<()> {
    const ROUNDS: u64 = 30;
    let made = Made::new(&[]).await?;
    let store = made.path("store");
    let program = Built::portcullis()?;
    for round in 0..ROUNDS {
        let tag = format!("t{round}");
        let mut child = Command::new(&program)
            .args(["account", "edit", "APP", "--tag", &tag, "--store"])
            .arg(&store)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        // A little later in each round, from before the first read to after the last write.
        tokio::time::sleep(Duration::from_micros(round * 500)).await;
        child.start_kill()?;
        let finished = child.wait_with_output().await?;
        let shown: Value = serde_json::from_str(&made.text("account describe APP --json").await?)?;
        let tags = shown
            .pointer("/claims/nats/tags")
            .cloned()
            .unwrap_or_default();
        let is_there = tags.to_string().contains(&format!("\"{tag}\""));
        // An acknowledged write is there.
        assert!(is_there || finished.stdout.is_empty(), "{tag}: {tags}");
    }
    Ok(())
}
