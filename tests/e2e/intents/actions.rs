//! The actions that intents are for, with nats-py, nats.js and the `nats` command.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use futures::StreamExt as _;
use portcullis_harness::{Built, ForeignClient, PATIENCE, Release, Step};
use rstest::rstest;
use serde_json::json;
use tokio::process::Command;
use tokio::time::timeout;

use super::stage::{Stage, inbox, password};

/// Answers requests on `svc.echo` with their own content.
async fn serve_echo(stage: &Stage) -> Result<()> {
    let client = stage.administrator.clone();
    let mut requests = client.subscribe("svc.echo").await?;
    stage.settle_administrator().await?;
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            if let Some(reply) = request.reply {
                drop(client.publish(reply, request.payload).await);
            }
        }
    });
    Ok(())
}

#[rstest]
#[tokio::test]
async fn official_clients_do_what_the_intents_say(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    let stage = Stage::start(release).await?;
    for (case, action, expected) in [
        (
            "publish",
            json!({ "do": "store", "subject": "orders.eu.9" }),
            "ORDERS",
        ),
        (
            "reply",
            json!({ "do": "answer", "subject": "svc.echo", "queue": "q" }),
            "answer",
        ),
        (
            "service",
            json!({ "do": "answer", "subject": "calc.add", "queue": "q" }),
            "answer",
        ),
        (
            "read",
            json!({ "do": "read", "stream": "ORDERS", "filter": "orders.eu.>", "consumer": "mine" }),
            "orders.eu.1",
        ),
        (
            "last",
            json!({ "do": "last", "stream": "ORDERS", "subject": "orders.eu.1" }),
            "orders.eu.1",
        ),
        (
            "consume",
            json!({ "do": "consume", "stream": "ORDERS", "consumer": "worker" }),
            "orders.eu.1",
        ),
        (
            "filtered",
            json!({ "do": "consume-filtered", "stream": "ORDERS", "consumer": "mine", "filter": "orders.eu.>" }),
            "orders.eu.1",
        ),
        (
            "receive",
            json!({ "do": "receive", "stream": "ORDERS", "consumer": "pusher", "subject": "deliver.orders" }),
            "orders.eu.1",
        ),
        (
            "get",
            json!({ "do": "get", "bucket": "CFG", "key": "a.x" }),
            "ax",
        ),
        (
            "put",
            json!({ "do": "put", "bucket": "CFG", "key": "a.x" }),
            "put",
        ),
        (
            "create",
            json!({ "do": "create", "bucket": "CFG", "key": "a.fresh" }),
            "created",
        ),
        (
            "watch",
            json!({ "do": "watch", "bucket": "CFG", "key": "a.>" }),
            "a.x",
        ),
    ] {
        stage.reset().await?;
        let steps = [Step::Act(&action)];
        let session = client
            .run(&stage.url(), Stage::login(case), case, &steps)
            .await?;
        assert_eq!(
            session.result(0, "got"),
            expected,
            "{case}, {client:?}: {session:?}"
        );
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn requests_and_questions_about_oneself_are_answered(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    let stage = Stage::start(release).await?;
    serve_echo(&stage).await?;
    let steps = [Step::Request("svc.echo", "ping")];
    let session = client
        .run(&stage.url(), Stage::login("request"), "request", &steps)
        .await?;
    assert_eq!(session.result(0, "reply"), "ping", "{session:?}");

    let steps = [Step::UserInfo, Step::Subscribe("_INBOX.bob.>")];
    let session = client
        .run(&stage.url(), Stage::login("discover"), "discover", &steps)
        .await?;
    assert_eq!(session.result(0, "info")["user"], "discover", "{session:?}");
    assert!(session.refused(1), "{session:?}");
    Ok(())
}

/// The server names consumers differently in subjects of acknowledgements with this flag.
#[rstest]
#[tokio::test]
async fn a_consumer_is_acknowledged_by_subjects_of_version_2(
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
    #[values(false, true)] flag: bool,
) -> Result<()> {
    let extra = format!("feature_flags {{ js_ack_fc_v2: {flag} }}\n");
    let stage = Stage::start_with(Release::Nats2_15, "", &extra).await?;
    let consume = json!({ "do": "consume", "stream": "ORDERS", "consumer": "worker" });
    let steps = [Step::Act(&consume)];
    let login = Stage::login("v2-acks");
    let session = client.run(&stage.url(), login, "v2-acks", &steps).await?;
    assert_eq!(session.result(0, "got"), "orders.eu.1", "{session:?}");

    // The subjects of version 1 do not suffice with the flag.
    let refused = json!({ "do": "consume", "stream": "ORDERS", "consumer": "worker" });
    let steps = [Step::Act(&refused)];
    let login = Stage::login("consume");
    let session = client.run(&stage.url(), login, "consume", &steps).await?;
    let got = session.result(0, "got");
    assert_eq!(got.is_null(), flag, "{session:?}");
    Ok(())
}

/// A server maps calls with its own domain to those without, before it checks permissions.
#[rstest]
#[tokio::test]
async fn a_domain_of_the_server_itself_needs_no_other_subjects(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    let stage = Stage::start_with(release, ", domain: hub", "").await?;
    let consume = json!({
        "do": "consume", "stream": "ORDERS", "consumer": "worker", "prefix": "$JS.hub.API",
    });
    let steps = [Step::Act(&consume)];
    let login = Stage::login("consume");
    let session = client.run(&stage.url(), login, "consume", &steps).await?;
    assert_eq!(session.result(0, "got"), "orders.eu.1", "{session:?}");
    Ok(())
}

/// Runs the `nats` command as the user of a case. Returns what it printed.
async fn nats(program: &Path, stage: &Stage, case: &str, arguments: &[&str]) -> Result<String> {
    let home = tempfile::tempdir()?;
    let output = Command::new(program)
        .args(arguments)
        .args([
            "--server",
            &stage.url(),
            "--user",
            case,
            "--password",
            &password(case),
            "--no-context",
        ])
        .arg(format!("--inbox-prefix={}", inbox(case)))
        .env("HOME", home.path())
        .env("XDG_CONFIG_HOME", home.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, output)
        .await
        .context("the `nats` command does not end")??;
    let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed.push_str(&String::from_utf8_lossy(&output.stderr));
    anyhow::ensure!(
        output.status.success(),
        "`nats {}` as {case}: {printed}",
        arguments.join(" ")
    );
    Ok(printed)
}

/// The test ends at once on a machine without the command.
#[rstest]
#[tokio::test]
async fn the_nats_command_does_what_the_intents_say(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let Some(program) = Built::nats_command() else {
        return Ok(());
    };
    let stage = Stage::start(release).await?;
    serve_echo(&stage).await?;
    let files = tempfile::tempdir()?;
    let [new, doc, out] =
        ["new", "doc", "out"].map(|name| files.path().join(name).display().to_string());
    fs::write(&new, "content")?;
    fs::write(&doc, "content")?;
    for (case, arguments, expected) in [
        (
            "publish",
            &["pub", "-J", "orders.eu.9", "x"][..],
            "Stored in Stream: ORDERS",
        ),
        ("request", &["request", "svc.echo", "ping", "--raw"], "ping"),
        (
            "read",
            &[
                "sub",
                "--stream=ORDERS",
                "--all",
                "--count=1",
                "orders.eu.>",
                "--raw",
            ],
            "eu",
        ),
        (
            "consume",
            &["consumer", "next", "ORDERS", "worker", "--count=1"],
            "orders.eu",
        ),
        ("get", &["kv", "get", "CFG", "a.x", "--raw"], "ax"),
        ("put", &["kv", "put", "CFG", "a.x", "new"], "new"),
        ("create", &["kv", "create", "CFG", "a.fresh", "new"], "new"),
        ("watch", &["kv", "history", "CFG", "a.x"], "a.x"),
        (
            "object-put",
            &[
                "object",
                "put",
                "FILES",
                &new,
                "--no-progress",
                "-f",
                "--name=new",
            ],
            "new",
        ),
        (
            "object-replace",
            &[
                "object",
                "put",
                "FILES",
                &doc,
                "--no-progress",
                "-f",
                "--name=doc",
            ],
            "doc",
        ),
        (
            "object-replace",
            &[
                "object",
                "put",
                "FILES",
                &doc,
                "--no-progress",
                "-f",
                "--name=doc",
            ],
            "doc",
        ),
        (
            "object-get",
            &[
                "object",
                "get",
                "FILES",
                "doc",
                "--no-progress",
                "-f",
                "-O",
                &out,
            ],
            "Wrote",
        ),
        ("object-list", &["object", "ls", "FILES"], "doc"),
        (
            "consumers",
            &["consumer", "rm", "ORDERS", "other", "-f"],
            "",
        ),
        (
            "manage",
            &[
                "stream",
                "add",
                "MINE",
                "--subjects=mine.>",
                "--storage=memory",
                "--defaults",
            ],
            "MINE",
        ),
        ("manage", &["stream", "rm", "MINE", "-f"], ""),
        ("manage-bucket", &["kv", "del", "CFG", "-f"], ""),
        (
            "manage-bucket",
            &["kv", "add", "CFG", "--storage=memory"],
            "CFG",
        ),
        ("manage-store", &["object", "seal", "FILES", "-f"], ""),
    ] {
        let printed = nats(&program, &stage, case, arguments).await?;
        assert!(printed.contains(expected), "{case}: {printed}");
        let refused = printed.to_lowercase().contains("permissions violation");
        assert!(!refused, "{case}: {printed}");
    }
    Ok(())
}
