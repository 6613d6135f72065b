//! Operators, accounts and users that the program makes, with real servers.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use portcullis_harness::{
    Answer, Built, Credentials, Host, Made, NatsServer, PolicyDirectory, Release, Wire, hash,
    log_in, run_portcullis,
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

    let app = made
        .path("store/accounts")
        .join(made.account_key("APP").await? + ".jwt");
    let before = fs::read(&app)?;
    made.text("user revoke worker --account APP").await?;
    push().await?;
    // An earlier version, as in an old copy of the store, would undo the revocation.
    let revoking = fs::read(&app)?;
    fs::write(&app, before)?;
    let older = made.run(&format!("account push APP {servers}")).await?;
    assert_eq!(older.code, Some(75), "{older:?}");
    assert!(older.stderr.contains("would undo revocations"), "{older:?}");
    fs::write(&app, revoking)?;
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

    // An account that the store has deleted already is deleted at the servers by its key.
    made.text("account add WEB").await?;
    let web = made.account_key("WEB").await?;
    made.text(&format!("account push WEB {servers}")).await?;
    made.text("account delete WEB").await?;
    let deleted = made
        .text(&format!("account delete {web} {servers}"))
        .await?;
    assert!(deleted.contains(": deleted 1 accounts"), "{deleted}");
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
    const ROUNDS: u64 = 200;
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
        tokio::time::sleep(Duration::from_micros(round % 40 * 400)).await;
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

#[rstest]
#[tokio::test]
async fn accounts_are_pulled_from_servers_that_have_them(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let made = Made::new(&["--resolver", "full", "--oldest-server", "2.10.26"]).await?;
    let server = made.start_server(release).await?;
    let system = made.path("creds/system.creds");
    let servers = format!("--server {} --creds {}", server.url(), system.display());
    made.text("account add WEB --tag first").await?;
    let pushed = made
        .text(&format!("account push --all {servers} --json"))
        .await?;
    let pushed: Value = serde_json::from_str(&pushed)?;
    let pushed = pushed.as_array().context("no array")?;
    assert_eq!(pushed.len(), 4, "{pushed:?}");
    let is_updated = |it: &Value| it["answers"][0]["answer"] == "jwt updated";
    assert!(pushed.iter().all(is_updated), "{pushed:?}");

    // Another store of the same operator has no account.
    let second = Made::empty()?;
    fs::create_dir_all(second.path("store"))?;
    fs::copy(
        made.path("store/operator.jwt"),
        second.path("store/operator.jwt"),
    )?;
    let key = made.account_key("WEB").await?;
    let unknown = second.run(&format!("account pull WEB {servers}")).await?;
    assert_eq!(unknown.code, Some(66), "{unknown:?}");
    assert!(unknown.stderr.contains("give its key"), "{unknown:?}");
    let one = second
        .text(&format!("account pull {key} {servers}"))
        .await?;
    assert!(one.contains("the store has it now"), "{one}");
    let all = second
        .text(&format!("account pull --all {servers} --json"))
        .await?;
    let all: Value = serde_json::from_str(&all)?;
    let done = |name: &str| {
        let mut all = all.as_array().into_iter().flatten();
        all.find(|it| it["name"] == name)
            .map(|it| it["done"].clone())
    };
    assert_eq!(done("WEB"), Some(json!("unchanged")), "{all:#}");
    assert_eq!(done("APP"), Some(json!("added")), "{all:#}");
    assert_eq!(
        second.account_jwt("WEB").await?,
        made.account_jwt("WEB").await?
    );
    let verified = second.text("operator verify").await?;
    assert!(verified.starts_with("ok: 4 accounts"), "{verified}");

    // A later version of the store stays.
    made.text("account edit WEB --tag second").await?;
    let kept = made.text(&format!("account pull WEB {servers}")).await?;
    assert!(kept.contains("a later version, and keeps it"), "{kept}");
    made.text(&format!("account push WEB {servers}")).await?;
    let replaced = second.text(&format!("account pull WEB {servers}")).await?;
    assert!(replaced.contains("an earlier version"), "{replaced}");

    // Another operator has not signed them.
    let other = Made::new(&[]).await?;
    let refused = other.run(&format!("account pull --all {servers}")).await?;
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(
        refused.stdout.contains("no key of the store's operator"),
        "{refused:?}"
    );
    let none = "ABJHLOVMPA4CI6R5KLNGOB4GSLNIY7IOUPAJC4YFNDLQVIOBYQGUWVLA";
    let absent = made.run(&format!("account pull {none} {servers}")).await?;
    assert_eq!(absent.code, Some(66), "{absent:?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_server_starts_with_the_configuration_of_a_store(
    #[values("memory", "full")] resolver: &str,
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let made = Made::new(&[]).await?;
    let jwts = made.path("jwt").display().to_string();
    let command = format!("operator config --resolver {resolver} --jwt-directory {jwts}");
    let config = made.path("own.conf");
    fs::write(&config, made.text(&command).await?)?;
    let server = NatsServer::start(release, &config).await?;
    if resolver == "full" {
        // Its configuration has the system account only.
        let creds = made.path("creds/system.creds").display().to_string();
        let push = format!(
            "account push --all --server {} --creds {creds}",
            server.url()
        );
        made.text(&push).await?;
    }
    let worker = made.path("worker.creds");
    let add = format!("user add worker --account APP --creds {}", worker.display());
    made.text(&add).await?;
    made.log_in(&server, &worker).await?.flush().await?;
    Ok(())
}
